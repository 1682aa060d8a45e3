package org.sparklora.driver.ml;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.apache.spark.ml.evaluation.RegressionEvaluator;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The regressor as users of Spark ML take it, on pairs of texts with weights. */
class LoraTextRegressorTest {

    private static SparkSession spark;

    @TempDir
    private Path folder;

    @BeforeAll
    static void start() {
        spark = LocalSpark.open("local[2]");
    }

    @AfterAll
    static void stop() {
        spark.stop();
    }

    private static LoraTextRegressor regressor() {
        return new LoraTextRegressor()
                .setBaseModel(LocalSpark.TINY_MODEL.toString())
                .setGroups(LocalSpark.TOP)
                .setSchedule("{live: [top]}")
                .setLabelCol("value")
                .setLoraDropout(0)
                .setMaxLength(32)
                .setMaxIter(10)
                .setStepSize(0.02)
                .setBatchSize(8)
                .setShards(2);
    }

    @Test
    void pairsWithWeightsAreLearntSavedAndLoaded() throws Exception {
        Dataset<Row> rows = LocalSpark.rows(spark, 32, 2)
                .withColumn("second", functions.lit("a second text"))
                .withColumn("weight", functions.lit(0.5));
        LoraTextRegressionModel model =
                regressor().setTextPairCol("second").setWeightCol("weight").fit(rows);
        Dataset<Row> scored = model.transform(rows);
        double error = new RegressionEvaluator()
                .setLabelCol("value")
                .setMetricName("mse")
                .evaluate(scored);
        assertThat(error).as("of values with a variance of 1").isLessThan(0.3);

        model.write().save(folder.resolve("model").toString());
        List<Row> wanted = scored.orderBy("id").collectAsList();
        assertThat(LoraTextRegressionModel.load(folder.resolve("model").toString())
                        .transform(rows)
                        .orderBy("id")
                        .collectAsList())
                .isEqualTo(wanted);
        assertThat(wanted.get(0).schema().fieldNames()).endsWith("prediction").doesNotContain("probability");
    }
}
