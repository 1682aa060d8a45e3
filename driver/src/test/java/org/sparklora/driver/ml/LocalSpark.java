package org.sparklora.driver.ml;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/** A session and rows for tests of the estimators. */
final class LocalSpark {

    static final Path ROOT = Path.of(System.getProperty("project.root", ".."));
    static final Path TINY_MODEL = ROOT.resolve("worker/src/test/resources/golden/models/tiny-bert-12l");
    static final String TOP = "{top: {target_modules: [query, value], layers_to_transform: [11]}}";

    private static final StructType ROWS = new StructType()
            .add("id", DataTypes.IntegerType)
            .add("text", DataTypes.StringType)
            .add("label", DataTypes.StringType)
            .add("value", DataTypes.DoubleType)
            .add("held", DataTypes.BooleanType);

    private LocalSpark() {}

    static SparkSession open(String master) {
        return SparkSession.builder()
                .master(master)
                .config("spark.ui.enabled", "false")
                .config("spark.sql.shuffle.partitions", "4")
                .getOrCreate();
    }

    /** Rows whose label follows from a word, of different lengths. */
    static Dataset<Row> rows(SparkSession spark, int count, int partitions) {
        List<Row> rows = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            boolean good = i % 2 == 0;
            String text = (good ? "great" : "bad") + " plot" + " is very".repeat(i % 5);
            rows.add(RowFactory.create(i, text, good ? "yes" : "no", good ? 1.5 : -0.5, i % 4 == 3));
        }
        JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
        return spark.createDataFrame(context.parallelize(rows, partitions), ROWS);
    }

    static LoraTextClassifier classifier() {
        return new LoraTextClassifier()
                .setBaseModel(TINY_MODEL.toString())
                .setGroups(TOP)
                .setSchedule("{live: [top]}")
                .setMaxLength(32)
                .setLoraDropout(0)
                .setMaxIter(10)
                .setStepSize(0.02)
                .setBatchSize(8)
                .setShards(2);
    }
}
