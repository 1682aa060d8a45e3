package org.sparklora.driver.ml;

import java.util.Arrays;
import java.util.Locale;
import org.apache.spark.ml.evaluation.MulticlassClassificationEvaluator;
import org.apache.spark.ml.feature.StringIndexer;
import org.apache.spark.ml.tuning.CrossValidator;
import org.apache.spark.ml.tuning.ParamGridBuilder;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * A cross-validation of five folds over six parameter maps, with and without shared work, in CPU seconds of this process. Arguments: a
 * model, a CSV file with the columns text and label, epochs of a fit, and optionally rows.
 */
public final class TuningBench {

    private TuningBench() {}

    public static void main(String[] args) {
        SparkSession spark = LocalSpark.open("local[2]");
        Dataset<Row> all = spark.read().option("header", true).csv(args[1]);
        Dataset<Row> rows = (args.length > 3 ? all.limit(Integer.parseInt(args[3])) : all).cache();
        rows = new StringIndexer()
                .setInputCol("label")
                .setOutputCol("index")
                .fit(rows)
                .transform(rows);
        int epochs = Integer.parseInt(args[2]);
        crossValidated(rows.limit(100), args[0], 1, 2);
        double[] cpu = new double[2];
        String[] metrics = new String[2];
        for (int shared = 0; shared < 2; shared++) {
            spark.conf().set("spark.lora.fitCache", shared == 1 ? "on" : "off");
            double before = cpuSeconds();
            long start = System.nanoTime();
            metrics[shared] = crossValidated(rows, args[0], epochs, 5);
            cpu[shared] = cpuSeconds() - before;
            System.out.printf(
                    Locale.ROOT,
                    "%s: %.0f CPU s, %.0f s, %s%n",
                    shared == 1 ? "shared" : "separate",
                    cpu[shared],
                    (System.nanoTime() - start) / 1e9,
                    metrics[shared]);
        }
        System.out.printf(
                Locale.ROOT, "ratio %.2f, equal metrics %s%n", cpu[0] / cpu[1], metrics[0].equals(metrics[1]));
        spark.stop();
        // Spark's timer of barrier stages is no daemon.
        System.exit(0);
    }

    private static double cpuSeconds() {
        return ProcessHandle.current().info().totalCpuDuration().orElseThrow().toMillis() / 1e3;
    }

    private static String crossValidated(Dataset<Row> rows, String model, int epochs, int folds) {
        LoraTextClassifier of = new LoraTextClassifier("tuned")
                .setBaseModel(model)
                .setGroups(LocalSpark.TOP)
                .setSchedule("{live: [top]}")
                .setLabelCol("index")
                .setMaxLength(64)
                .setMaxIter(epochs)
                .setBatchSize(32)
                .setShards(4)
                .setJobOverrides(new String[] {"training.data_seed=1"});
        return Arrays.toString(new CrossValidator()
                .setEstimator(of)
                .setEvaluator(new MulticlassClassificationEvaluator()
                        .setLabelCol("index")
                        .setMetricName("accuracy"))
                .setEstimatorParamMaps(new ParamGridBuilder()
                        .addGrid(of.r(), new int[] {4, 8, 16})
                        .addGrid(of.stepSize(), new double[] {1e-3, 2e-3})
                        .build())
                .setNumFolds(folds)
                .setSeed(1)
                .fit(rows)
                .avgMetrics());
    }
}
