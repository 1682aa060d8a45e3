package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.cluster.Sessions;

/**
 * A job on a table of Hive's metastore, which here is Derby in this process. Partition columns are text.
 *
 * <p>Nightly, because only that profile has the metastore's jars.
 */
@Tag("nightly")
class HiveTableTest {

    @TempDir
    private Path folder;

    private Map<String, String> settings = Map.of();

    @BeforeEach
    void useHive() {
        settings = Map.of(
                "spark.sql.catalogImplementation",
                "hive",
                "spark.sql.warehouse.dir",
                folder.resolve("warehouse").toString(),
                "spark.hadoop.javax.jdo.option.ConnectionURL",
                "jdbc:derby:" + folder.resolve("metastore") + ";create=true",
                "spark.hadoop.hive.metastore.schema.verification",
                "false",
                "spark.hadoop.datanucleus.schema.autoCreateAll",
                "true",
                "derby.stream.error.file",
                folder.resolve("derby.log").toString());
        settings.forEach(System::setProperty);
    }

    @AfterEach
    void clear() {
        settings.keySet().forEach(System::clearProperty);
        System.clearProperty("spark.master");
    }

    @Test
    void aPartitionedTableGivesTheAdapterOfItsRows() throws IOException {
        SmallJob files = new SmallJob(folder.resolve("files"));
        files.write("train.csv", "text,label\ngood movie,01\nbad movie,1\nthe plot was great,01\nvery bad end,1\n");
        assertThat(files.train().code()).isZero();
        System.setProperty("spark.master", "local[2]");
        try (SparkSession spark = Sessions.open("hive")) {
            spark.sql("CREATE DATABASE db");
            spark.sql("CREATE TABLE db.reviews (text STRING) PARTITIONED BY (label STRING) STORED AS ORC");
            spark.sql("INSERT INTO db.reviews PARTITION (label = '01') VALUES ('the plot was great'), ('good movie')");
            spark.sql("INSERT INTO db.reviews PARTITION (label = '1') VALUES ('very bad end'), ('bad movie')");
        }
        SmallJob job = new SmallJob(folder.resolve("table"));
        TrainingJob.Ended ended = job.train("data.train={table: db.reviews}");
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(adapter(job)).isEqualTo(adapter(files));
    }

    private static String adapter(SmallJob job) {
        return TrainingJob.status(job.output()).path("adapter_sha256").asText();
    }
}
