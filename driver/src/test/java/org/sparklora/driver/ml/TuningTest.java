package org.sparklora.driver.ml;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.apache.spark.ml.evaluation.BinaryClassificationEvaluator;
import org.apache.spark.ml.evaluation.Evaluator;
import org.apache.spark.ml.evaluation.MulticlassClassificationEvaluator;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.tuning.CrossValidator;
import org.apache.spark.ml.tuning.CrossValidatorModel;
import org.apache.spark.ml.tuning.ParamGridBuilder;
import org.apache.spark.ml.tuning.TrainValidationSplit;
import org.apache.spark.ml.tuning.TrainValidationSplitModel;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Spark's ways to choose among Params, with one fit after the other and with several at the same time. */
class TuningTest {

    private static SparkSession spark;

    /** With the class index as a double beside the label's text, as the evaluators read it. */
    private static Dataset<Row> rows;

    @TempDir
    private Path folder;

    @BeforeAll
    static void start() {
        spark = LocalSpark.open("local[2]");
        rows = LocalSpark.rows(spark, 24, 2)
                .withColumn("index", functions.col("label").equalTo("yes").cast("double"));
    }

    @AfterAll
    static void stop() {
        spark.stop();
    }

    /** The classifier of the other tests, for less long. */
    private static LoraTextClassifier quick() {
        return LocalSpark.classifier().setLabelCol("index").setMaxIter(3);
    }

    /** Loss in the vectors of probabilities. */
    private static Evaluator logLoss() {
        return new MulticlassClassificationEvaluator()
                .setLabelCol("index")
                .setMetricName("logLoss")
                .setProbabilityCol("probability");
    }

    @Test
    void aCrossValidatorFindsTheRateThatTeachesWithTheSameBitsInParallel() {
        LoraTextClassifier classifier = quick();
        ParamMap[] grid = new ParamGridBuilder()
                .addGrid(classifier.r(), new int[] {2, 4})
                .addGrid(classifier.stepSize(), new double[] {1e-9, 0.01})
                .build();
        CrossValidator validator = new CrossValidator()
                .setEstimator(classifier)
                .setEvaluator(logLoss())
                .setEstimatorParamMaps(grid)
                .setSeed(1)
                .setNumFolds(2);
        CrossValidatorModel one = validator.setParallelism(1).fit(rows);
        CrossValidatorModel two = validator.setParallelism(2).fit(rows);
        assertThat(two.avgMetrics()).containsExactly(one.avgMetrics());
        assertThat(logits(two.transform(rows))).isEqualTo(logits(one.transform(rows)));

        double[] losses = one.avgMetrics();
        assertThat(losses).hasSize(4).doesNotContain(Double.NaN);
        for (int i = 0; i < grid.length; i++) {
            for (int j = 0; j < grid.length; j++) {
                if (teaches(grid[i], classifier) && !teaches(grid[j], classifier)) {
                    assertThat(losses[i]).isLessThan(losses[j]);
                }
            }
        }
        assertThat(teaches(
                        one.bestModel().parent().extractParamMap(),
                        one.bestModel().parent()))
                .isTrue();
    }

    private static boolean teaches(ParamMap params, org.apache.spark.ml.param.Params of) {
        return (Double) params.apply(of.getParam("stepSize")) > 1e-3;
    }

    @Tag("nightly")
    @Test
    void aSplitOverRankAlphaAndRateWithTheSameBitsInParallel() {
        LoraTextClassifier classifier = quick();
        ParamMap[] grid = new ParamGridBuilder()
                .addGrid(classifier.r(), new int[] {2, 4})
                .addGrid(classifier.loraAlpha(), new double[] {4, 32})
                .addGrid(classifier.stepSize(), new double[] {0.01})
                .build();
        TrainValidationSplit split = new TrainValidationSplit()
                .setEstimator(classifier)
                .setEvaluator(
                        new BinaryClassificationEvaluator().setLabelCol("index").setRawPredictionCol("rawPrediction"))
                .setEstimatorParamMaps(grid)
                .setTrainRatio(0.5)
                .setSeed(1);
        TrainValidationSplitModel one = split.setParallelism(1).fit(rows);
        TrainValidationSplitModel two = split.setParallelism(2).fit(rows);
        assertThat(one.validationMetrics()).hasSize(4);
        for (double area : one.validationMetrics()) {
            assertThat(area).isBetween(0.0, 1.0);
        }
        assertThat(two.validationMetrics()).containsExactly(one.validationMetrics());
        assertThat(logits(two.transform(rows))).isEqualTo(logits(one.transform(rows)));
    }

    private static List<Object> logits(Dataset<Row> scored) {
        List<Object> logits = new ArrayList<>();
        scored.orderBy("id").select("rawPrediction").collectAsList().forEach(row -> logits.add(row.get(0)));
        return logits;
    }

    /** Ranks among themselves in one, through the driver in the other, then both the other way. */
    @Test
    void twoFitsAtOnceLeaveTheBytesThatEachLeavesAlone() throws Exception {
        fit("alone", 4, "peer");
        fit("alone", 2, "peer");
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            List<CompletableFuture<Void>> fits = new ArrayList<>();
            for (int rank : List.of(4, 2)) {
                for (String exchange : List.of("peer", "driver")) {
                    fits.add(CompletableFuture.runAsync(() -> fit("beside-" + exchange, rank, exchange), threads));
                }
            }
            CompletableFuture.allOf(fits.toArray(new CompletableFuture<?>[0])).get(5, TimeUnit.MINUTES);
        } finally {
            threads.shutdownNow();
        }
        for (int rank : List.of(4, 2)) {
            for (String exchange : List.of("peer", "driver")) {
                assertThat(adapter("beside-" + exchange, rank)).hasSameBinaryContentAs(adapter("alone", rank));
            }
        }
    }

    private void fit(String name, int rank, String exchange) {
        quick().setR(rank)
                .setOutputDir(folder.resolve(name + rank).toString())
                .setJobOverrides(new String[] {"execution.exchange=" + exchange})
                .fit(rows);
    }

    private Path adapter(String name, int rank) {
        return folder.resolve(name + rank).resolve("adapter/adapter_model.safetensors");
    }
}
