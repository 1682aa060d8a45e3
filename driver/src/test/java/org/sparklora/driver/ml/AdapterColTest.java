package org.sparklora.driver.ml;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.when;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.apache.spark.ml.Pipeline;
import org.apache.spark.ml.PipelineModel;
import org.apache.spark.ml.PipelineStage;
import org.apache.spark.ml.linalg.Vector;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A classifier with an adapter for each key, against one classifier for each key. */
class AdapterColTest {

    private static SparkSession spark;

    @TempDir
    private static Path folder;

    private static LoraTextClassificationModel model;

    @BeforeAll
    static void train() {
        spark = LocalSpark.open("local[2]");
        model = estimator()
                .setAdapterCol("customer")
                .setOutputDir(folder.resolve("keys").toString())
                .fit(byCustomer());
    }

    @AfterAll
    static void stop() {
        spark.stop();
    }

    private static LoraTextClassifier estimator() {
        return LocalSpark.classifier().setShards(1).setPredictedLabelCol("said");
    }

    /** Rows of customers 1 and 2, a number, whose labels mean the opposite. */
    private static Dataset<Row> byCustomer() {
        Dataset<Row> rows = LocalSpark.rows(spark, 32, 3);
        Dataset<Row> opposite = rows.withColumn(
                "label", when(col("label").equalTo(lit("yes")), lit("no")).otherwise(lit("yes")));
        return rows.withColumn("customer", lit(1)).union(opposite.withColumn("customer", lit(2)));
    }

    private static List<Row> ordered(Dataset<Row> rows) {
        return rows.orderBy("customer", "id").collectAsList();
    }

    @Test
    void eachRowIsPredictedByTheModelOfItsKey() {
        Dataset<Row> rows = byCustomer();
        for (int customer = 1; customer <= 2; customer++) {
            Dataset<Row> own = rows.where(col("customer").equalTo(customer));
            List<Row> wanted = ordered(estimator().fit(own).transform(own));
            List<Row> got = ordered(model.transform(rows).where(col("customer").equalTo(customer)));
            assertThat(got).hasSameSizeAs(wanted);
            for (int row = 0; row < got.size(); row++) {
                Vector logits = got.get(row).getAs("rawPrediction");
                Vector alone = wanted.get(row).getAs("rawPrediction");
                assertThat(logits.apply(0)).isCloseTo(alone.apply(0), within(1e-5));
                assertThat(logits.apply(1)).isCloseTo(alone.apply(1), within(1e-5));
                assertThat(got.get(row).<String>getAs("said"))
                        .isEqualTo(wanted.get(row).getAs("said"));
            }
        }
    }

    @Test
    void columnsStayAndRowsOfUnknownKeysGetNulls() {
        Dataset<Row> rows =
                byCustomer().withColumn("customer", when(col("customer").equalTo(1), lit("1")));
        Dataset<Row> scored = model.transform(rows);

        assertThat(scored.columns())
                .containsExactly(
                        "id",
                        "text",
                        "label",
                        "value",
                        "held",
                        "customer",
                        "rawPrediction",
                        "probability",
                        "prediction",
                        "said");
        assertThat(scored.where(col("prediction").isNull()).count()).isEqualTo(32);
        assertThat(scored.where(col("prediction").isNull().and(col("customer").isNotNull()))
                        .count())
                .isZero();
    }

    @Test
    void savedModelsAndPipelinesRoute() throws IOException {
        List<Row> wanted = ordered(model.transform(byCustomer()));
        String path = folder.resolve("saved").toString();
        model.write().save(path);
        LoraTextClassificationModel loaded = LoraTextClassificationModel.load(path);
        String ofPipeline = folder.resolve("pipeline").toString();
        PipelineModel pipeline =
                new Pipeline().setStages(new PipelineStage[] {model}).fit(byCustomer());
        pipeline.write().save(ofPipeline);

        assertThat(loaded.getAdapterCol()).isEqualTo("customer");
        assertThat(ordered(loaded.transform(byCustomer()))).isEqualTo(wanted);
        assertThat(ordered(PipelineModel.load(ofPipeline).transform(byCustomer())))
                .isEqualTo(wanted);
    }

    @Test
    void whatCannotBeIsRefused() {
        assertThatThrownBy(() -> estimator().setAdapterCol("customer").fit(byCustomer()))
                .hasMessageContaining("adapterCol needs outputDir");
        assertThatThrownBy(() -> model.transform(byCustomer().drop("customer")))
                .hasMessageContaining("adapterCol names the column 'customer'");
    }
}
