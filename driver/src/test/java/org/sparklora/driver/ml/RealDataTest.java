package org.sparklora.driver.ml;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.spark.ml.Pipeline;
import org.apache.spark.ml.PipelineModel;
import org.apache.spark.ml.PipelineStage;
import org.apache.spark.ml.evaluation.MulticlassClassificationEvaluator;
import org.apache.spark.ml.evaluation.RegressionEvaluator;
import org.apache.spark.ml.feature.StringIndexer;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The estimators on public data sets, where they lie beside the project: people's texts, not ours. */
class RealDataTest {

    private static final Path SHARED =
            LocalSpark.ROOT.resolve("../shared").toAbsolutePath().normalize();
    private static final Path STARTER = LocalSpark.ROOT.resolve("conf/starter-bert-12l");

    private static SparkSession spark;

    @TempDir
    private Path folder;

    @BeforeAll
    static void start() {
        assumeTrue(Files.isDirectory(SHARED.resolve("data")), "the data sets are not beside the project: skipped");
        spark = LocalSpark.open("local[2]");
    }

    @AfterAll
    static void stop() {
        if (spark != null) {
            spark.stop();
        }
    }

    private static Dataset<Row> csv(String set, String part, int rows) {
        return spark.read()
                .option("header", "true")
                .option("multiLine", "true")
                .option("escape", "\"")
                .csv(SHARED.resolve("data").resolve(set).resolve(part + ".csv").toString())
                .limit(rows)
                .cache();
    }

    @Test
    void trecsQuestionsInAPipelineWithAnIndexer() {
        Dataset<Row> train = csv("trec6", "train", 2000);
        LoraTextClassifier classifier = new LoraTextClassifier()
                .setBaseModel(STARTER.toString())
                .setGroups("{all: {target_modules: [query, value]}}")
                .setSchedule("{live: [all]}")
                .setLabelCol("index")
                .setMaxLength(64)
                .setMaxIter(3)
                .setStepSize(2e-3);
        PipelineModel model = new Pipeline()
                .setStages(new PipelineStage[] {
                    new StringIndexer().setInputCol("label").setOutputCol("index"), classifier
                })
                .fit(train);
        double accuracy = new MulticlassClassificationEvaluator()
                .setLabelCol("index")
                .setMetricName("accuracy")
                .evaluate(model.transform(csv("trec6", "dev", 500)));
        // The commonest of the six has 26 %.
        assertThat(accuracy).isGreaterThan(0.5);
    }

    @Test
    void stsbsPairsGetTheirSimilarity() {
        Dataset<Row> train = csv("stsb", "train", 2000);
        LoraTextRegressionModel model = new LoraTextRegressor()
                .setBaseModel(STARTER.toString())
                .setGroups("{all: {target_modules: all-linear}}")
                .setSchedule("{live: [all]}")
                .setTextCol("text_a")
                .setTextPairCol("text_b")
                .setMaxLength(64)
                .setMaxIter(3)
                .setStepSize(2e-3)
                .fit(train);
        Dataset<Row> scored = model.transform(train)
                .withColumn("value", functions.col("label").cast("double"));
        double error = new RegressionEvaluator()
                .setLabelCol("value")
                .setMetricName("r2")
                .evaluate(scored);
        assertThat(error).as("part of the variance that is explained").isGreaterThan(0.05);
    }

    @Test
    void chineseReviewsWithTheChineseTokenizer() throws Exception {
        Path model = RandomBert.write(
                folder.resolve("chinese"), SHARED.resolve("models/bert-base-chinese-tokenizer"), 21128);
        Dataset<Row> train = csv("chnsenticorp_zh", "train", 1000);
        Dataset<Row> scored = new LoraTextClassifier()
                .setBaseModel(model.toString())
                .setGroups("{all: {target_modules: all-linear}}")
                .setSchedule("{live: [all]}")
                .setMaxLength(64)
                .setMaxIter(6)
                .setStepSize(5e-3)
                .setPredictedLabelCol("said")
                .fit(train)
                .transform(train);
        assertThat(scored.where("label = said").count())
                .as("of 1,000 rows of two classes")
                .isGreaterThan(600);
    }
}
