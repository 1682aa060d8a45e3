package org.sparklora.driver.app;

import static org.apache.spark.sql.functions.lit;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.sparklora.driver.cluster.Sessions;
import org.sparklora.driver.training.ExitCode;

/** Jobs whose rows are those of tables, queries and other formats, with the real Delta, Iceberg and Avro. */
class TableRunTest {

    @TempDir
    private static Path tables;

    private static final Map<String, String> SETTINGS = new TreeMap<>();

    private static String snapshot;

    /** The rows of the small job, in other files, orders and types. */
    @BeforeAll
    static void write() throws Exception {
        SETTINGS.put("spark.ui.enabled", "false");
        SETTINGS.put(
                "spark.sql.extensions",
                "io.delta.sql.DeltaSparkSessionExtension,"
                        + "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions");
        SETTINGS.put("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog");
        SETTINGS.put("spark.sql.catalog.ice", "org.apache.iceberg.spark.SparkCatalog");
        SETTINGS.put("spark.sql.catalog.ice.type", "hadoop");
        SETTINGS.put("spark.sql.catalog.ice.warehouse", tables.resolve("ice").toString());
        SETTINGS.put("spark.sql.warehouse.dir", tables.resolve("warehouse").toString());
        SETTINGS.forEach(System::setProperty);
        try (SparkSession spark = session()) {
            Dataset<Row> rows = spark.sql("SELECT * FROM VALUES ('good movie', 'yes'), ('bad movie', 'no'),"
                    + " ('the plot was great', 'yes'), ('very bad end', 'no') AS t(text, label)");
            rows.orderBy("text").repartition(3).write().format("delta").save(at("delta"));
            rows.write().partitionBy("label").orc(at("orc"));
            rows.coalesce(1).write().format("avro").save(at("avro"));
            spark.sql("CREATE TABLE ice.db.reviews (text STRING, label STRING) USING iceberg PARTITIONED BY (label)");
            rows.createOrReplaceTempView("rows");
            spark.sql("INSERT INTO ice.db.reviews SELECT * FROM rows ORDER BY text");
            snapshot = String.valueOf(spark.sql("SELECT snapshot_id FROM ice.db.reviews.snapshots")
                    .head()
                    .getLong(0));
            rows.withColumn("split", lit("train"))
                    .union(rows.limit(2).withColumn("split", lit("test")))
                    .withColumnRenamed("text", "the.text")
                    .withColumnRenamed("label", "a `label`")
                    .write()
                    .format("delta")
                    .option("delta.columnMapping.mode", "name")
                    .save(at("odd names"));
        }
    }

    @AfterAll
    static void clear() {
        SETTINGS.keySet().forEach(System::clearProperty);
        System.clearProperty("spark.master");
    }

    private static SparkSession session() {
        System.setProperty("spark.master", "local[2]");
        return Sessions.open("tables");
    }

    private static String at(String name) {
        return tables.resolve(name).toString();
    }

    /** SHA-256 of the adapter of a run that succeeds. */
    private static String adapter(SmallJob job, String... overrides) {
        TrainingJob.Ended ended = job.train(overrides);
        assertThat(ended.code()).as(ended.err()).isZero();
        return TrainingJob.status(job.output()).path("adapter_sha256").asText();
    }

    /** The origin of the training rows in the history of a job's last start. */
    private static JsonNode origin(SmallJob job) throws IOException {
        List<JsonNode> runs = TrainingJob.events(job.output(), "run");
        return runs.get(runs.size() - 1).path("sources").path("data.train");
    }

    @Test
    void adaptersByKeyRecordTheTableToo(@TempDir Path folder) throws IOException {
        SmallJob job = new SmallJob(folder);
        String query = "SELECT *, 'a' AS customer FROM ice.db.reviews";
        TrainingJob.Ended ended = job.train(
                "data.train={sql: \"" + query + "\"}", "data.adapter=customer", "data.min_rows=1", "training.shards=1");
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(origin(job).path("source").asText()).isEqualTo(query + " at snapshot " + snapshot);
        assertThat(origin(job).path("rows").asInt()).isEqualTo(4);
    }

    @Test
    void theAdapterDependsOnTheContentAndNotOnTheTable(@TempDir Path folder) throws IOException {
        SmallJob files = new SmallJob(folder.resolve("files"));
        String expected = adapter(files);
        assertThat(origin(files).isMissingNode()).isTrue();
        Map<String, String> sources = new TreeMap<>();
        sources.put("{table: ice.db.reviews}", "ice.db.reviews at snapshot " + snapshot);
        sources.put("{table: 'delta.`" + at("delta") + "`'}", "delta.`" + at("delta") + "` at snapshot 0");
        sources.put("{path: '" + at("delta") + "', format: delta}", at("delta") + " at snapshot 0");
        sources.put("{path: '" + at("orc") + "'}", at("orc"));
        sources.put("{path: '" + at("avro") + "'}", at("avro"));
        sources.put(
                "{sql: 'SELECT label, text FROM ice.db.reviews ORDER BY label'}",
                "SELECT label, text FROM ice.db.reviews ORDER BY label at snapshot " + snapshot);
        sources.put(
                "{table: 'delta.`" + at("odd names")
                        + "`', where: \"split = 'train'\", text: the.text, label: 'a `label`',"
                        + " columns: [the.text, 'a `label`']}",
                "delta.`" + at("odd names") + "` at snapshot 0");
        String digest = "";
        int number = 0;
        for (Map.Entry<String, String> source : sources.entrySet()) {
            SmallJob job = new SmallJob(folder.resolve("table" + number++));
            assertThat(adapter(job, "data.train=" + source.getKey()))
                    .as(source.getKey())
                    .isEqualTo(expected);
            assertThat(origin(job).path("source").asText()).isEqualTo(source.getValue());
            assertThat(origin(job).path("rows").asInt()).isEqualTo(4);
            digest = digest.isEmpty() ? origin(job).path("sha256").asText() : digest;
            assertThat(origin(job).path("sha256").asText()).hasSize(64).isEqualTo(digest);
        }
    }

    @Test
    void aConditionOnFilesLeavesTheNumbersOfRows(@TempDir Path folder) {
        SmallJob job = new SmallJob(folder);
        job.write("train.csv", "text,label,split\ngood movie,yes,train\n,no,dev\nbad movie,,train\nbad end,no,train\n");
        job.refused(
                job.train("data.train.where=split = 'train'"),
                ExitCode.DATA,
                "DIR/train.csv row 3: the label is missing");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            data.train={sql: DROP TABLE db.reviews} | sql is not one query
            data.train={sql: SELECT 1; SELECT 2} | sql is not one query
            data.train={sql: INSERT INTO t SELECT 1} | sql is not one query
            data.train={table: a b} | table is not the name of a table
            data.train.where=text = | where is not a condition
            data.train={table: t, sql: SELECT 1} | data.train.sql must be left out with table
            data.train={text: a} | data.train.path is required
            data.train={table: t} data.order=given | data.order is shuffled for a table or query
            """)
    void whatIsNotOneQueryIsRefusedBeforeSparkStarts(String overrides, String message, @TempDir Path folder) {
        SmallJob job = new SmallJob(folder);
        List<String> keys =
                new ArrayList<>(Stream.of(overrides.split(" (?=data\\.)")).toList());
        job.refused(job.trainWithoutSpark(keys.toArray(String[]::new)), ExitCode.USAGE, message);
    }

    @Test
    void formatsWithoutRowNumbersHaveNoGivenOrder(@TempDir Path folder) {
        SmallJob job = new SmallJob(folder);
        job.refused(
                job.trainWithoutSpark("data.train={path: '" + at("orc") + "'}", "data.order=given"),
                ExitCode.USAGE,
                "data.order=given needs rows with an order",
                "usage.order-given");
    }

    @Test
    void anErrorQuotesTheRowOfATable(@TempDir Path folder) {
        SmallJob job = new SmallJob(folder);
        String text = "long ".repeat(40);
        String sql = "data.train={sql: \"SELECT '" + text + "' AS text, CAST(null AS STRING) AS label\"}";
        job.refused(
                job.train(sql, "model.labels=[yes, no]"),
                ExitCode.DATA,
                "SELECT 'long long",
                "…, row '" + text.substring(0, 79) + "…': the label is missing");
        SmallJob none = new SmallJob(folder.resolve("none"));
        none.refused(
                none.train("data.train={table: ice.db.nothing}"), ExitCode.DATA, "'ice.db.nothing' cannot be read");
    }

    @Test
    void predictTakesATableFormat(@TempDir Path folder) throws IOException {
        SmallJob job = new SmallJob(folder);
        adapter(
                job,
                "data.train={table: ice.db.reviews}",
                "data.validation={table: ice.db.reviews, where: label = 'no'}");
        assertThat(TrainingJob.events(job.output(), "run")
                        .get(0)
                        .path("sources")
                        .path("data.validation")
                        .path("rows")
                        .asInt())
                .isEqualTo(2);
        String output = folder.resolve("predicted").toString();
        TrainingJob.Ended ended = TrainingJob.run(
                "local[2]",
                "predict",
                "--run",
                job.output().toString(),
                "--input",
                at("delta"),
                "--format",
                "delta",
                "--output",
                output);
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(ended.out()).contains("4 rows predicted");
    }

    @Test
    void aRunResumesOnlyWithTheSameRows(@TempDir Path folder) throws IOException {
        SmallJob job = new SmallJob(folder);
        String[] overrides = {
            "data.train={sql: 'SELECT text, label FROM ice.db.changing'}", "training.lr_scheduler_type=constant"
        };
        try (SparkSession spark = session()) {
            spark.sql("CREATE TABLE ice.db.changing USING iceberg AS SELECT * FROM ice.db.reviews");
        }
        adapter(job, overrides);
        String before = origin(job).path("source").asText();
        try (SparkSession spark = session()) {
            spark.sql("INSERT OVERWRITE ice.db.changing SELECT * FROM ice.db.reviews ORDER BY text DESC");
        }
        String[] longer = {overrides[0], overrides[1], "training.num_train_epochs=3", "--resume"};
        adapter(job, longer);
        assertThat(origin(job).path("source").asText()).isNotEqualTo(before);
        try (SparkSession spark = session()) {
            spark.sql("UPDATE ice.db.changing SET text = 'good end' WHERE text = 'good movie'");
        }
        longer[2] = "training.num_train_epochs=4";
        TrainingJob.Ended ended = job.train(longer);
        assertThat(ended.code()).isEqualTo(ExitCode.USAGE.code());
        assertThat(ended.err()).contains("rows of data.train: ").contains("[usage.resume-input-changed]");
    }
}
