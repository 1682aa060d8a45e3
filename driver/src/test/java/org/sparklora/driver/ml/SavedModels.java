package org.sparklora.driver.ml;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.ml.Pipeline;
import org.apache.spark.ml.PipelineStage;
import org.apache.spark.ml.feature.IndexToString;
import org.apache.spark.ml.feature.StringIndexer;
import org.apache.spark.ml.util.MLWritable;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/** Writes the fixtures of {@link SavedModelsTest}: a model of each kind, with Params that differ from the defaults. */
final class SavedModels {

    private static final StructType SCHEMA = new StructType()
            .add("id", DataTypes.IntegerType)
            .add("text", DataTypes.StringType)
            .add("second", DataTypes.StringType)
            .add("tokens", DataTypes.createArrayType(DataTypes.StringType))
            .add("label", DataTypes.StringType)
            .add("value", DataTypes.DoubleType)
            .add("labels", DataTypes.StringType)
            .add("tags", DataTypes.createArrayType(DataTypes.StringType));

    private static final List<String> WORDS =
            List.of("great", "good", "bad", "poor", "story", "plot", "very", "the", "is", "was");

    private SavedModels() {}

    /** What models score: rows of every kind, two without text. */
    static Dataset<Row> rows(SparkSession spark, Path version) {
        return spark.read().schema(SCHEMA).json(version.resolve("rows.jsonl").toString());
    }

    private static Row row(int id) {
        boolean good = id % 2 == 0;
        boolean story = id % 4 < 2;
        List<String> tokens = new ArrayList<>(List.of("the", story ? "story" : "plot", id % 3 == 0 ? "was" : "is"));
        tokens.addAll(List.of("very", "very", "very").subList(0, id % 4));
        tokens.add(good ? (id % 3 == 0 ? "great" : "good") : id % 3 == 0 ? "bad" : "poor");
        List<String> tags = new ArrayList<>();
        tokens.forEach(word -> tags.add(word.equals("story") || word.equals("plot") ? "B-thing" : "O"));
        return RowFactory.create(
                id,
                String.join(" ", tokens),
                story ? "the story" : "the plot",
                tokens.toArray(new String[0]),
                good ? "praise" : "blame",
                good ? 1.0 : -1.0,
                (good ? "good" : "") + (good && story ? "|" : "") + (story ? "story" : ""),
                tags.toArray(new String[0]));
    }

    /** Trains on 32 rows, and saves. */
    static void write(SparkSession spark, Path version) throws IOException {
        List<Row> rows = new ArrayList<>();
        for (int id = 0; id < 32; id++) {
            rows.add(row(id));
        }
        Dataset<Row> train = spark.createDataFrame(rows, SCHEMA).cache();
        Files.createDirectories(version);
        List<Row> some = new ArrayList<>(rows.subList(0, 10));
        some.add(RowFactory.create(10, null, null, null, null, null, null, null));
        some.add(RowFactory.create(11, "", "the plot", new String[0], "blame", 0.0, "", new String[0]));
        Files.write(version.resolve("rows.jsonl"), Arrays.asList((String[])
                spark.createDataFrame(some, SCHEMA).toJSON().collect()));

        // No path of whoever runs this gets into the fixtures but that of the system's temporary folder.
        Path base = RandomBert.write(Files.createTempDirectory("base"), WORDS);
        LoraTextClassifier classifier = small(new LoraTextClassifier("textClassifier"), base)
                .setPredictedLabelCol("said")
                .setEmbeddingCol("vector")
                .setPooling("mean")
                .setThresholds(new double[] {0.4, 0.6});
        save(classifier.fit(train), version.resolve("text-classification"));
        LoraTextRegressor regressor = small(new LoraTextRegressor("textRegressor"), base)
                .setTextPairCol("second")
                .setLabelCol("value")
                .setPredictionCol("predicted");
        save(regressor.fit(train), version.resolve("text-regression"));
        LoraMultiLabelClassifier sets = small(new LoraMultiLabelClassifier("multiLabelClassifier"), base)
                .setLabelCol("labels")
                .setLabels(new String[] {"story", "good"})
                .setThreshold(0.4)
                .setRawPredictionCol("logits");
        save(sets.fit(train), version.resolve("multi-label"));
        LoraTokenClassifier tagger = small(new LoraTokenClassifier("tokenClassifier"), base);
        save(tagger.fit(train), version.resolve("token-classification"));
        Pipeline pipeline = new Pipeline("pipeline").setStages(new PipelineStage[] {
            new StringIndexer("indexer")
                    .setInputCol("label")
                    .setOutputCol("index")
                    .setHandleInvalid("keep"),
            small(new LoraTextClassifier("classifier"), base)
                    .setLabelCol("index")
                    .setSeed(7),
            new IndexToString("back").setInputCol("prediction").setOutputCol("said")
        });
        save(pipeline.fit(train), version.resolve("pipeline"));
    }

    private static <E extends LoraEstimator<E, ?>> E small(E estimator, Path base) {
        return estimator
                .setBaseModel(base.toString())
                .setEmbedBase(true)
                .setGroups("{bottom: {target_modules: [query, value], layers_to_transform: [0]},"
                        + " top: {target_modules: [query, value], layers_to_transform: [1], r: 4, lora_alpha: 4}}")
                .setSchedule("{live: [top], events: [{epoch: 1, thaw: [bottom]}]}")
                .setR(2)
                .setLoraDropout(0)
                .setMaxLength(16)
                .setMaxIter(12)
                .setStepSize(0.03)
                .setBatchSize(8)
                .setShards(2);
    }

    private static void save(MLWritable model, Path to) throws IOException {
        model.write().save(to.toString());
    }
}
