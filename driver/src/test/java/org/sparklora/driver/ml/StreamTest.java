package org.sparklora.driver.ml;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.spark.api.java.function.VoidFunction2;
import org.apache.spark.ml.Pipeline;
import org.apache.spark.ml.PipelineModel;
import org.apache.spark.ml.PipelineStage;
import org.apache.spark.ml.Transformer;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SaveMode;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.streaming.DataStreamWriter;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.Trigger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.worker.inference.OpenModel;

/** {@code transform} on streams: each row once, as on a table, through restarts. */
class StreamTest {

    private static final long MINUTE = 60_000;

    private static SparkSession spark;
    private static LoraTextClassificationModel model;

    @TempDir
    private Path folder;

    @BeforeAll
    static void train() {
        spark = LocalSpark.open("local[2]");
        model = LocalSpark.classifier()
                .setMaxIter(1)
                .setPredictedLabelCol("said")
                .fit(LocalSpark.rows(spark, 24, 2));
    }

    @AfterAll
    static void stop() {
        spark.stop();
    }

    private String path(String name) {
        return folder.resolve(name).toString();
    }

    private void add(int from, int to) {
        LocalSpark.rows(spark, 60, 1)
                .where(functions.col("id").between(from, to - 1))
                .write()
                .mode(SaveMode.Append)
                .parquet(path("in"));
    }

    private Dataset<Row> stream() {
        return spark.readStream()
                .schema(LocalSpark.rows(spark, 1, 1).schema())
                .option("maxFilesPerTrigger", 1)
                .parquet(path("in"));
    }

    private static void finish(DataStreamWriter<Row> writer) throws Exception {
        StreamingQuery query = writer.trigger(Trigger.AvailableNow()).start();
        try {
            assertThat(query.awaitTermination(MINUTE)).isTrue();
        } finally {
            query.stop();
        }
    }

    private void run(Transformer of) throws Exception {
        finish(of.transform(stream())
                .writeStream()
                .format("parquet")
                .option("path", path("out"))
                .option("checkpointLocation", path("checkpoint")));
    }

    private static List<String> texts(Dataset<Row> rows) {
        return rows.orderBy("id").toJSON().collectAsList();
    }

    @Test
    void everyRowOfFilesIsScoredOnceThroughRestartsAsInATable() throws Exception {
        add(0, 10);
        add(10, 30);
        run(model);
        add(30, 45);
        run(model);
        run(model);
        add(45, 60);
        // Another program goes on with the saved model.
        model.write().overwrite().save(path("model"));
        run(LoraTextClassificationModel.load(path("model")));

        Dataset<Row> out = spark.read().parquet(path("out"));
        assertThat(texts(out.select("id", "text", "said")))
                .isEqualTo(texts(model.transform(LocalSpark.rows(spark, 60, 1)).select("id", "text", "said")));
    }

    @Test
    void aPipelineScoresAStream() throws Exception {
        add(0, 20);
        PipelineModel pipeline =
                new Pipeline().setStages(new PipelineStage[] {model}).fit(LocalSpark.rows(spark, 2, 1));
        run(pipeline);
        assertThat(spark.read().parquet(path("out")).count()).isEqualTo(20);
    }

    @Test
    void batchesOfAStreamShareOneOpenModel() throws Exception {
        for (int file = 0; file < 6; file++) {
            add(10 * file, 10 * file + 10);
        }
        Object open = OpenModel.of(model.run().model(Optional.empty()));
        List<Object> ofBatches = new ArrayList<>();
        VoidFunction2<Dataset<Row>, Long> sink = (batch, id) -> {
            batch.collectAsList();
            ofBatches.add(OpenModel.of(model.run().model(Optional.empty())));
        };
        finish(model.transform(stream()).writeStream().foreachBatch(sink));
        assertThat(ofBatches).hasSize(6).containsOnly(open);
    }

    @Test
    void rowsOfARateAreScored() throws Exception {
        List<Row> scored = Collections.synchronizedList(new ArrayList<>());
        CountDownLatch batches = new CountDownLatch(2);
        Dataset<Row> rate = spark.readStream()
                .format("rate-micro-batch")
                .option("rowsPerBatch", 20)
                .load()
                .withColumn("text", functions.expr("if(value % 2 = 0, 'great plot', 'bad plot')"));
        VoidFunction2<Dataset<Row>, Long> sink = (batch, id) -> {
            scored.addAll(batch.collectAsList());
            batches.countDown();
        };
        StreamingQuery query =
                model.transform(rate).writeStream().foreachBatch(sink).start();
        try {
            assertThat(batches.await(1, TimeUnit.MINUTES)).isTrue();
        } finally {
            query.stop();
        }
        assertThat(scored).hasSizeGreaterThanOrEqualTo(40);
        assertThat(scored.stream().map(row -> row.<Long>getAs("value"))).doesNotHaveDuplicates();
        assertThat(scored)
                .allSatisfy(row -> assertThat(row.<String>getAs("said")).isIn("yes", "no"));
    }

    @Test
    void aFitOnAStreamIsRefusedByName() {
        add(0, 10);
        assertThatThrownBy(() -> LocalSpark.classifier().fit(stream()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "fit needs all rows at once, but the dataset is a stream; write it to a table and train on that, or "
                                + "train in foreachBatch [data.stream]");
    }
}
