package org.sparklora.driver.ml;

import static org.apache.spark.sql.functions.lit;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.List;
import org.apache.spark.sql.AnalysisException;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Models as functions of SQL say what {@code transform} says. */
class SqlFunctionTest {

    private static final Path SAVED = LocalSpark.ROOT.resolve("driver/src/test/resources/saved-models/0.1.0");

    private static SparkSession spark;
    private static Dataset<Row> rows;

    @BeforeAll
    static void start() {
        spark = LocalSpark.open("local[2]");
        rows = SavedModels.rows(spark, SAVED).repartition(3).cache();
        rows.createOrReplaceTempView("reviews");
    }

    @AfterAll
    static void stop() {
        spark.stop();
    }

    private static String saved(String name) {
        return SAVED.resolve(name).toString();
    }

    private static List<Object> values(Dataset<Row> scored, String column) {
        return scored.orderBy("id").select(column).collectAsList().stream()
                .map(row -> row.isNullAt(0) ? "null" : row.get(0))
                .toList();
    }

    private static List<Object> called(String call) {
        return values(spark.sql("SELECT id, " + call + " AS result FROM reviews"), "result");
    }

    @Test
    void aClassifierGivesTheLabel() {
        LoraTextClassificationModel model = LoraTextClassificationModel.load(saved("text-classification"));
        model.registerUdf(spark, "sentiment");
        List<Object> said = called("sentiment(text)");
        assertThat(said).isEqualTo(values(model.transform(rows), "said")).contains("praise", "blame", "null");
        assertThat(spark.sql("SELECT sentiment(text), count(*) FROM reviews GROUP BY 1")
                        .count())
                .isEqualTo(said.stream().distinct().count());
    }

    @Test
    void aConstantIsScoredWhereTheQueryIsPlanned() {
        LoraTextClassificationModel model = LoraTextClassificationModel.load(saved("text-classification"));
        model.registerUdf(spark, "sentiment");
        String label =
                spark.sql("SELECT sentiment('the story was great')").head().getString(0);
        assertThat(label).isEqualTo(values(model.transform(rows), "said").get(0));
    }

    @Test
    void aRegressionOfPairsGivesTheValue() {
        LoraTextRegressionModel model = LoraTextRegressionModel.load(saved("text-regression"));
        model.registerUdf(spark, "score");
        List<Object> wanted = values(model.transform(rows), "predicted");
        List<Object> got = called("score(text, second)");
        assertThat(got).hasSameSizeAs(wanted);
        for (int row = 0; row < got.size(); row++) {
            if (wanted.get(row) instanceof Double value) {
                // Another batch may round otherwise.
                assertThat((Double) got.get(row)).isCloseTo(value, within(1e-5));
            } else {
                assertThat(got.get(row)).isEqualTo("null");
            }
        }
    }

    @Test
    void labelSetsAndTagsAreArrays() {
        LoraMultiLabelModel sets = LoraMultiLabelModel.load(saved("multi-label"));
        sets.registerUdf(spark, "topics");
        assertThat(called("topics(text)")).isEqualTo(values(sets.transform(rows), "prediction"));
        LoraTokenClassificationModel tagger = LoraTokenClassificationModel.load(saved("token-classification"));
        tagger.registerUdf(spark, "tags_of");
        assertThat(called("tags_of(tokens)")).isEqualTo(values(tagger.transform(rows), "prediction"));
    }

    @Test
    void aModelOfKeysTakesTheKeyToo(@TempDir Path folder) {
        Dataset<Row> customers = LocalSpark.rows(spark, 32, 2)
                .withColumn("customer", lit("1"))
                .union(LocalSpark.rows(spark, 32, 2)
                        .selectExpr(
                                "id",
                                "text",
                                "if(label = 'yes', 'no', 'yes') AS label",
                                "value",
                                "held",
                                "'2' AS customer"));
        LoraTextClassificationModel model = LocalSpark.classifier()
                .setShards(1)
                .setAdapterCol("customer")
                .setOutputDir(folder.resolve("keys").toString())
                .setPredictedLabelCol("said")
                .fit(customers);
        model.registerUdf(spark, "of_customer");
        Dataset<Row> asked = customers.selectExpr("id * 2 + int(customer) AS id", "text", "customer");
        asked.createOrReplaceTempView("asked");
        Dataset<Row> answers = spark.sql("SELECT id, of_customer(text, customer) AS said FROM asked");
        assertThat(values(answers, "said"))
                .isEqualTo(values(model.transform(asked), "said"))
                .contains("yes", "no");
    }

    @Test
    void wrongArgumentsAreRefused() {
        LoraTextClassificationModel.load(saved("text-classification")).registerUdf(spark, "sentiment");
        assertThatThrownBy(() -> called("sentiment(value)"))
                .hasStackTraceContaining(
                        "sentiment takes text as STRING, but a row has DOUBLE; write CAST(text AS STRING) [data.column.type]");
        assertThatThrownBy(() -> called("sentiment(text, second)")).isInstanceOf(AnalysisException.class);
    }
}
