package org.sparklora.driver.cluster.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.zip.GZIPOutputStream;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparklora.driver.job.config.SourceConfig;
import org.sparklora.driver.job.config.Task;

/** A file is read by as many tasks as its size asks for, as far as its content permits, and always as the same rows. */
class SplitFilesTest {

    private static final int SPLIT = 1000;
    private static SparkSession spark;

    @TempDir
    Path dir;

    @BeforeAll
    static void start() {
        spark = LocalSpark.start();
    }

    @AfterAll
    static void stop() {
        spark.stop();
    }

    @AfterEach
    void reset() {
        wholeFiles();
    }

    private static void wholeFiles() {
        set(128 << 20, 4 << 20);
    }

    private static void splits(int bytes) {
        set(bytes, 1);
    }

    private static void set(int maxBytes, int minBytes) {
        spark.conf().set("spark.sql.files.maxPartitionBytes", maxBytes);
        spark.conf().set("spark.sql.files.openCostInBytes", minBytes);
    }

    @Test
    void aFileOfLinesIsReadBySeveralTasks() throws IOException {
        String text = lines(500, "\n");
        Map<String, String> files = Map.of(
                "plain",
                text,
                "windows",
                lines(500, "\r\n"),
                "byte order mark",
                "\ufeff" + lines(500, "\r\n"),
                "empty line, and none at the end",
                text.replace("\n20,", "\n\n20,").stripTrailing(),
                "quotes",
                text.replaceAll("word(.*)", "\"a \"\"quoted\"\", word$1\""),
                "inches",
                text.replace("word", "5\" wide"));
        for (Map.Entry<String, String> file : files.entrySet()) {
            assertThat(tasks(write("a.csv", file.getValue()))).as(file.getKey()).isGreaterThan(5);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"two\nlines\",b",
                "5\" wide,\"open\nfield\"",
                "\"junk\" after,b",
                "\r\n",
                "\r",
                "  ",
                "a,b\r",
                "caf\ufffd,b",
            })
    void aFileIsReadByOneTaskWhereALineIsNoRow(String row) throws IOException {
        String text = lines(500, "\n");
        assertThat(tasks(write("a.csv", text.replace("label\n", "label\n" + row + "\n"))))
                .isOne();
        assertThat(tasks(write("b.csv", text + row + "\n"))).isOne();
        assertThat(tasks(write("c.csv", lines(500, "\r\n") + row.stripTrailing() + "\r")))
                .isOne();
    }

    @Test
    void aFileIsReadByOneTaskWhereOptionsOrCompressionAskForIt() throws IOException {
        Path file = write("a.csv", lines(500, "\n"));
        assertThat(tasks(file, Map.of("sep", ",", "encoding", "utf-8"))).isGreaterThan(5);
        for (Map.Entry<String, String> option : Map.of(
                        "escape", "\\", "quote", "'", "encoding", "windows-1252", "comment", "#", "sep", "::")
                .entrySet()) {
            assertThat(tasks(
                            write(
                                    "b.csv",
                                    lines(500, "\n")
                                            .replace(",", option.getKey().equals("sep") ? "::" : ",")),
                            Map.ofEntries(option)))
                    .as(option.toString())
                    .isOne();
        }
        Path zipped = dir.resolve("a.csv.gz");
        try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(zipped))) {
            Files.copy(file, out);
        }
        assertThat(tasks(zipped)).isOne();
    }

    @Test
    void aFileIsReadByOneTaskWhereALineIsTooLongToLookAt() throws IOException {
        String text = lines(500, "\n");
        SourceConfig source = source(write("a.csv", text + "a".repeat(CsvLines.MAX_BYTES) + ",b\n" + text), Map.of());
        for (int parts = 1; parts < 4; parts++) {
            splits(CsvLines.MAX_BYTES / parts);
            assertThat(tasks(source)).isOne();
        }
    }

    @Test
    void filesOfAFolderAreSplitEachForItself() throws IOException {
        Path folder = Files.createDirectories(dir.resolve("both"));
        write("both/b.csv", lines(500, "\n"));
        write("both/a.csv", lines(500, "\n").replace("word", "\"two\nlines\""));
        write("both/c.csv", "text,label\nx,y\n");
        splits(SPLIT);
        Dataset<Row> rows = rows(folder, Map.of());
        Column task = functions.spark_partition_id();
        assertThat(rows.where("file like '%a.csv'").select(task).distinct().count())
                .isOne();
        assertThat(rows.where("file like '%b.csv'").select(task).distinct().count())
                .isGreaterThan(5);
        assertThat(rows.orderBy("file", "row").collectAsList())
                .hasSize(1001)
                .extracting(row -> row.getLong(1))
                .startsWith(1L, 2L, 3L)
                .endsWith(499L, 500L, 1L);
    }

    @Test
    void problemsNameTheRowOfTheFile() throws IOException {
        Path file = write("bad.csv", lines(500, "\n").replace("\n300,", "\n300").replace("\n444,", "\n444,,"));
        splits(SPLIT);
        assertThatThrownBy(() -> rows(file, Map.of()))
                .hasMessageContainingAll(file + " row 300:", "first of 2", "[data.row.malformed]");
    }

    /** Rows are counted in one pass and read in another, with fewer columns. Spark must drop the same rows in both. */
    @Test
    void rowsThatSparkDropsShiftNoNumbers() throws IOException {
        Path folder = Files.createDirectories(dir.resolve("dropped"));
        write("dropped/a.csv", "text,label,more\na1,x,y\na2,x\na3,x,y\n");
        write("dropped/b.csv", "text,label,more\nb1,x,y\nb2,x,y,z\nb3,x,y\n");
        assertThat(rows(folder, Map.of("mode", "DROPMALFORMED"))
                        .orderBy("file", "row")
                        .collectAsList())
                .extracting(row -> row.getAs("row") + " " + row.getAs("text"))
                .containsExactly("1 a1", "2 a3", "1 b1", "2 b3");
    }

    /** Whatever a file contains: a decision for its lines that is wrong would give other rows. */
    @Test
    void anyFileIsReadAsTheSameRows() throws IOException {
        Random random = new Random(42);
        String[] parts = {
            "a",
            "b",
            "\"",
            "\"",
            "\"\"",
            ",",
            ",",
            "\n",
            "\n",
            "\r\n",
            "\r",
            " ",
            "\t",
            "\u00e4",
            "\ufeff",
            "\\",
            "\0",
            "a,b\n",
            "\"c\",d\n",
            "\"c\",d\r\n"
        };
        Path folder = Files.createDirectories(dir.resolve("any"));
        for (int i = 0; i < 250; i++) {
            StringBuilder text = new StringBuilder(i % 2 == 0 ? "text,label\n" : "text,label\r\n");
            int length = random.nextInt(16);
            int kinds = 3 + random.nextInt(parts.length - 2);
            int skip = random.nextInt(parts.length);
            for (int k = 0; k < length; k++) {
                text.append(parts[(skip + random.nextInt(kinds)) % parts.length]);
            }
            Files.writeString(folder.resolve("f" + i + ".csv"), text);
        }
        SourceConfig source = source(folder, Map.of());
        splits(16);
        List<String> split = texts(source);
        wholeFiles();
        List<String> whole = texts(source);
        assertThat(split.stream().filter(row -> !whole.contains(row))).isEmpty();
        assertThat(split).isEqualTo(whole);
    }

    /** Counts the tasks that read rows, after a check that they read the same rows as one task. */
    private static int tasks(Path file) {
        return tasks(file, Map.of());
    }

    private static int tasks(Path file, Map<String, String> options) {
        SourceConfig source = source(file, options);
        wholeFiles();
        List<String> whole = texts(source);
        splits(SPLIT);
        assertThat(texts(source)).isEqualTo(whole);
        return tasks(source);
    }

    private static int tasks(SourceConfig source) {
        return (int)
                scan(source).select(functions.spark_partition_id()).distinct().count();
    }

    private static List<String> texts(SourceConfig source) {
        return scan(source)
                .withColumn("position", functions.monotonically_increasing_id())
                .orderBy(SourceScan.FILE, SourceScan.SPLIT, "position")
                .select(SourceScan.FILE, "text", "label", SourceFormat.MALFORMED)
                .collectAsList()
                .stream()
                .map(row -> row.toString()
                        .replace("\r", "<CR>")
                        .replace("\n", "<LF>")
                        .replace("\0", "<0>"))
                .toList();
    }

    private static Dataset<Row> scan(SourceConfig source) {
        SourceScan scan = new SourceScan(spark, source);
        return scan.rows(SourceSchema.of(scan, Task.CLASSIFICATION, true, Optional.empty())
                .read());
    }

    private static Dataset<Row> rows(Path file, Map<String, String> options) {
        return SourceReader.read(spark, source(file, options), Task.CLASSIFICATION);
    }

    private static SourceConfig source(Path file, Map<String, String> options) {
        return new SourceConfig(
                file.toString(),
                Optional.empty(),
                "text",
                Optional.empty(),
                "label",
                Optional.empty(),
                new TreeMap<>(options));
    }

    private static String lines(int rows, String end) {
        List<String> lines = new ArrayList<>(List.of("text,label"));
        for (int i = 1; i <= rows; i++) {
            lines.add(i + ",word of row " + i);
        }
        return String.join(end, lines) + end;
    }

    private Path write(String name, String content) throws IOException {
        return Files.write(dir.resolve(name), content.getBytes(StandardCharsets.UTF_8));
    }
}
