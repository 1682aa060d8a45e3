package org.sparklora.driver.cluster.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.hadoop.fs.FileUtil;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.job.config.SourceConfig;
import org.sparklora.driver.job.config.Task;

class SourceTableTest {

    private static SparkSession spark;

    @TempDir
    Path folder;

    @BeforeAll
    static void start() {
        spark = LocalSpark.start();
    }

    @AfterAll
    static void stop() {
        spark.stop();
    }

    private String orc(int files) {
        String path = folder.resolve("orc" + files).toString();
        spark.range(40)
                .selectExpr("concat('text ', id) AS text", "id % 2 AS label", "id AS other", "id % 4 AS part")
                .repartition(files)
                .write()
                .orc(path);
        return path;
    }

    private static SourceConfig source(String path, SourceConfig.Selection selection) {
        return new SourceConfig(
                Optional.of(path),
                Optional.empty(),
                "text",
                Optional.empty(),
                "label",
                Optional.empty(),
                new TreeMap<>(),
                selection);
    }

    private static SourceConfig.Selection where(String condition, String... columns) {
        return new SourceConfig.Selection(
                Optional.empty(), Optional.empty(), Optional.of(condition), Optional.of(List.of(columns)));
    }

    @Test
    void sparkReadsOnlyTheRowsAndColumnsThatAreAskedFor() {
        SourceConfig source = source(orc(1), where("part = 1", "text", "label"));
        Dataset<Row> rows = SourceTable.open(spark, source, "orc");
        assertThat(rows.queryExecution().executedPlan().toString())
                .contains("EqualTo(part,1)")
                .contains("ReadSchema: struct<text:string,label:bigint,part:bigint>");
        assertThat(rows.columns()).containsExactly("text", "label");
        assertThat(rows.count()).isEqualTo(10);
    }

    @Test
    void rowsAreReadOnce() {
        String path = orc(3);
        Dataset<Row> rows = SourceReader.read(spark, source(path, SourceConfig.Selection.ALL), Task.CLASSIFICATION);
        assertThat(FileUtil.fullyDelete(new File(path))).isTrue();
        rows.unpersist();
        assertThat(rows.select(SourceReader.TEXT).distinct().count()).isEqualTo(40);
        assertThat(rows.select(SourceReader.ROW).distinct().count()).isEqualTo(40);
    }

    @Test
    void theDigestIsOfTheContent() {
        SourceTable.Origin one = origin(orc(1), SourceConfig.Selection.ALL);
        SourceTable.Origin many = origin(orc(7), SourceConfig.Selection.ALL);
        assertThat(many.sha256()).isEqualTo(one.sha256());
        assertThat(many.rows()).isEqualTo(40);
        SourceTable.Origin some = origin(orc(2), where("other < 39", "text", "label"));
        assertThat(some.rows()).isEqualTo(39);
        assertThat(some.sha256()).isNotEqualTo(one.sha256());
    }

    private static SourceTable.Origin origin(String path, SourceConfig.Selection selection) {
        return SourceTable.origin(SourceReader.read(spark, source(path, selection), Task.CLASSIFICATION))
                .orElseThrow();
    }
}
