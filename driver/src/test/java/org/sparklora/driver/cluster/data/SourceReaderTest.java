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
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparklora.driver.job.config.SourceConfig;
import org.sparklora.driver.job.config.Task;

class SourceReaderTest {

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

    @Test
    void csvIsReadAsRfc4180SaysAndAsText() throws IOException {
        Path file = write("a b.csv", """
                id,text,label
                1,"He said ""yes"", twice",007
                2,"two
                lines",1.50
                3,  spaces  ,true
                4,,x
                5,"",
                6,back\\slash "q" ,ü😀
                """);
        List<Row> rows = rows(source(file.toString(), "text", "label"));
        assertThat(rows)
                .extracting(r -> r.getString(2))
                .containsExactly(
                        "He said \"yes\", twice", "two\nlines", "  spaces  ", null, null, "back\\slash \"q\" ");
        assertThat(rows).extracting(r -> r.getString(4)).containsExactly("007", "1.50", "true", "x", null, "ü😀");
        assertThat(rows).extracting(r -> r.getLong(1)).containsExactly(1L, 2L, 3L, 4L, 5L, 6L);
        assertThat(rows).extracting(r -> r.getString(3)).containsOnlyNulls();
        assertThat(rows).allSatisfy(r -> assertThat(r.getString(0)).endsWith("a%20b.csv"));
    }

    @Test
    void windowsLineEndsAndByteOrderMarksAreNoText() throws IOException {
        Path file = dir.resolve("win.csv");
        Files.writeString(file, "\ufefftext,label\r\nfirst,a\r\n\"sec\r\nond\",b\r\n");
        List<Row> rows = rows(source(file.toString(), "text", "label"));
        assertThat(rows.get(1).getString(2).replace("\r", "<CR>").replace("\n", "<LF>"))
                .isEqualTo("sec<LF>ond");
        assertThat(rows.get(0).getString(2)).isEqualTo("first");
        assertThat(rows).extracting(r -> r.getString(4)).containsExactly("a", "b");
    }

    @Test
    void otherFormatsAndOptions() throws IOException {
        write("t.tsv", "text\tlabel\na,b\tc\n");
        assertThat(text("t.tsv")).containsExactly("a,b");
        write("s.csv", "text;label\na,b;c\n");
        assertThat(rows(new SourceConfig(
                        dir.resolve("s.csv").toString(),
                        Optional.of("csv"),
                        "text",
                        Optional.empty(),
                        "label",
                        Optional.empty(),
                        new TreeMap<>(Map.of("delimiter", ";")))))
                .extracting(r -> r.getString(2))
                .containsExactly("a,b");
        write("j.jsonl", "{\"text\": \"x\", \"label\": 1}\n{\"label\": 2.5, \"text\": \"\"}\n");
        List<Row> json = rows(source(dir.resolve("j.jsonl").toString(), "text", "label"));
        assertThat(json).extracting(r -> r.getString(2)).containsExactly("x", null);
        assertThat(json).extracting(r -> r.getString(4)).containsExactly("1", "2.5");
        try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(dir.resolve("z.csv.gz")))) {
            out.write("text,label\nzipped,1\n".getBytes(StandardCharsets.UTF_8));
        }
        assertThat(text("z.csv.gz")).containsExactly("zipped");
    }

    @Test
    void rowsAreNumberedWithinFilesHoweverSparkCutsThem() throws IOException {
        StringBuilder lines = new StringBuilder();
        for (int i = 1; i <= 500; i++) {
            lines.append("{\"text\": \"t").append(i).append("\", \"label\": 1}\n");
        }
        Files.createDirectories(dir.resolve("many"));
        write("many/b.jsonl", lines.toString());
        write("many/a.jsonl", lines.toString());
        spark.range(1, 2001)
                .selectExpr("concat('t', id) as text", "id % 2 as label")
                .coalesce(1)
                .write()
                .option("parquet.block.size", "1024")
                .parquet(dir.resolve("p").toString());
        spark.conf().set("spark.sql.files.maxPartitionBytes", "1000");
        try {
            for (String name : List.of("many", "p")) {
                List<Row> rows = rows(source(dir.resolve(name).toString(), "text", "label"));
                assertThat(rows).hasSize(name.equals("p") ? 2000 : 1000);
                assertThat(rows).allSatisfy(r -> assertThat(r.getString(2)).isEqualTo("t" + r.getLong(1)));
            }
        } finally {
            spark.conf().unset("spark.sql.files.maxPartitionBytes");
        }
    }

    @Test
    void inputColumnsComeAlongWhereAskedFor() throws IOException {
        Path file = write("i.csv", "text,odd name.x,label\na,b,c\n");
        Row row = SourceReader.readWithInput(
                        spark, source(file.toString(), "text", "label"), Task.CLASSIFICATION, Optional.empty())
                .head();
        assertThat(row.<Row>getAs(SourceReader.INPUT).<String>getAs("odd name.x"))
                .isEqualTo("b");
        assertThat(rows(new SourceConfig(
                                file.toString(),
                                Optional.empty(),
                                "odd name.x",
                                Optional.of("text"),
                                "label",
                                Optional.empty(),
                                new TreeMap<>()))
                        .get(0)
                        .toString())
                .endsWith("i.csv,1,b,a,c,null]");
    }

    @Test
    void malformedRowsAreNamed() throws IOException {
        Path file = write("bad.csv", "text,label\na,b\nonly one\nc,d\ne,f,g\n");
        assertFails(file, "data.row.malformed", file + " row 2:", "2 fields", "only one", "first of 2");
        Path json = write("bad.jsonl", "{\"text\": \"a\", \"label\": \"b\"}\n{\"text\": \n");
        assertFails(json, "data.row.malformed", json + " row 2:", "{\"text\":");
        Path quote = write("quote.csv", "text,label\na,b\n\"open,c\nd,e\n");
        assertFails(quote, "data.row.malformed", quote + " row 2:", "2 fields");
    }

    @Test
    void filesInAnotherFormThanTheyAreReadInAreNamed() throws IOException {
        Path escaped = write("spark.csv", "text,label\nfine,a\n\"she said \\\"no\\\" twice\",b\n");
        assertFails(escaped, "data.row.escape", "spark.csv row 2", "escape: '\\'");
        Path commas = write("commas.csv", "text,label\n\"she said \\\"no, no\\\"\",b\n");
        assertFails(commas, "data.row.malformed", "escape: '\\'");
        Path bytes = dir.resolve("cp1252.csv");
        Files.write(bytes, "text,label\nfine,a\ncaf\u00e9,b\n".getBytes(StandardCharsets.ISO_8859_1));
        assertFails(bytes, "data.text.encoding", "cp1252.csv row 2", "windows-1252");
        assertFails(write("semi.csv", "text;label\na;b\n"), "data.column.missing", "sep: ';'");
        Path wide = dir.resolve("wide.csv");
        Files.write(wide, "text,label\na,b\n".getBytes(StandardCharsets.UTF_16LE));
        assertFails(wide, "data.column.missing", "encoding: UTF-16");

        assertThat(withOptions(escaped, Map.of("escape", "\\"))).containsExactly("fine", "she said \"no\" twice");
        assertThat(withOptions(bytes, Map.of("encoding", "windows-1252"))).containsExactly("fine", "caf\u00e9");
        assertThat(withOptions(bytes, Map.of("Encoding", "UTF-8"))).containsExactly("fine", "caf\ufffd");
        // Without quoting, a quote is a character like any other.
        Path plain = write("plain.csv", "text,label\n\"she said \\\"no\\\"\",b\n");
        assertThat(withOptions(plain, Map.of("quote", ""))).containsExactly("\"she said \\\"no\\\"\"");
    }

    /** Rows to predict are not refused: nobody can give them options of their own. */
    @Test
    void damagedRowsToPredictAreKept() throws IOException {
        Path bytes = dir.resolve("cp1252.csv");
        Files.write(bytes, "text\ncaf\u00e9\n".getBytes(StandardCharsets.ISO_8859_1));
        SourceConfig source = source(bytes.toString(), "text", "label");
        assertThat(SourceReader.readWithInput(spark, source, Task.CLASSIFICATION, Optional.empty())
                        .collectAsList())
                .hasSize(1);
    }

    private List<String> withOptions(Path file, Map<String, String> options) {
        SourceConfig source = new SourceConfig(
                file.toString(),
                Optional.empty(),
                "text",
                Optional.empty(),
                "label",
                Optional.empty(),
                new TreeMap<>(options));
        return rows(source).stream().map(row -> row.getString(2)).toList();
    }

    @Test
    void nanIsAMissingLabelButAWrongWeight() {
        Path file = dir.resolve("nan.parquet");
        spark.sql("select 'a' text, cast('NaN' as double) label, cast('NaN' as double) w"
                        + " union all select 'NaN', 1.0D, 2.0D")
                .coalesce(1)
                .write()
                .parquet(file.toString());
        SourceConfig source = new SourceConfig(
                file.toString(),
                Optional.empty(),
                "text",
                Optional.empty(),
                "label",
                Optional.of("w"),
                new TreeMap<>());
        List<Row> rows = rows(source);
        assertThat(rows).extracting(row -> row.getString(4)).containsExactly(null, "1.0");
        assertThat(rows).extracting(row -> row.getString(5)).containsExactly("NaN", "2.0");
        assertThat(rows).extracting(row -> row.getString(2)).containsExactly("a", "NaN");
    }

    @Test
    void missingThingsAreNamed() throws IOException {
        assertFails(dir.resolve("no.csv"), "data.file.missing", "no.csv'");
        assertFails(write("empty.csv", ""), "data.file.empty", "empty.csv'");
        assertFails(write("header.csv", "text,label\n"), "data.file.empty", "header.csv'", "header");
        assertFails(
                write("x.csv", "Texts,lable\na,b\n"),
                "data.column.missing",
                "'text'",
                "did you mean 'Texts'?",
                "'Texts', 'lable'");
        assertFails(write("x.xls", "a"), "data.format.unknown", "x.xls'", "'xls'");
        assertFails(write("x.parquet", "no parquet at all"), "data.file.unreadable", "x.parquet'");
        assertFails(
                write("n.jsonl", "{\"text\": {\"a\": 1}, \"label\": 2}\n"),
                "data.column.type",
                "'text'",
                "struct<a:string>");
        Files.createDirectories(dir.resolve("none"));
        assertFails(dir.resolve("none"), "data.file.missing", "none'");
    }

    @Test
    void filesOfOneTableHaveOneHeader() throws IOException {
        Files.createDirectories(dir.resolve("two files"));
        write("two files/a a.csv", "text,label\na,b\n");
        write("two files/b b.csv", "label,text\nb,a\n");
        assertFails(
                dir.resolve("two files"),
                "data.header.mismatch",
                "two files'",
                "b b.csv",
                "'label', 'text'",
                "a a.csv",
                "'text', 'label'");
        write("two files/b b.csv", "\"text\",label\nb,a\n");
        write("two files/c.csv", "text,label\nc,a\n");
        assertThat(text("two files")).containsExactly("a", "b", "c");
        assertThat(text("two files/*.csv")).containsExactly("a", "b", "c");
        assertThat(text("two files/{a,c}*.csv")).containsExactly("a", "c");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "letters [2024]",
                "batch {a,b}",
                "half 50% of it",
                "run 12:30",
                "run12:30",
                "a#1",
                "what?",
                "star*"
            })
    void aPathThatExistsIsNoPattern(String folder) throws IOException {
        Files.createDirectories(dir.resolve("neighbour:1"));
        Files.createDirectories(dir.resolve(folder));
        write(folder + "/one.csv", "text,label\r\na,b\r\n");
        write(folder + "/two.csv", "\"text\",label\nc,d\n");
        assertThat(text(folder + "/one.csv")).containsExactly("a");
        assertThat(text(folder)).containsExactly("a", "c");
        write(folder + "/many.json", "[{\"text\": \"e\",\n \"label\": \"f\"},\n {\"text\": \"g\", \"label\": \"h\"}]");
        assertThat(withOptions(dir.resolve(folder + "/many.json"), Map.of("multiLine", "true")))
                .containsExactly("e", "g");
    }

    @Test
    void aPatternMatchesWhatIsThereAndNamesNoNeighbour() throws IOException {
        Files.createDirectories(dir.resolve("some"));
        write("some/a[1].csv", "text,label\na,b\n");
        write("some/a1.csv", "text,label\nc,d\n");
        assertThat(text("some/a[1].csv")).containsExactly("a");
        assertThat(text("some/a[0-9].csv")).containsExactly("c");
        write("some/b{2}.csv", "text,label\ne,f\n");
        assertThat(text("some/a*.csv")).containsExactly("a", "c");
        assertThat(text("some/*.csv")).containsExactly("a", "c", "e");
        assertThat(text("some")).containsExactly("a", "c", "e");
        assertFails(dir.resolve("some/c*.csv"), "data.file.missing", "c*.csv'");
        Files.createDirectories(dir.resolve("some/run12:30"));
        assertThatThrownBy(() -> text("some/a*.csv"))
                .hasMessageContainingAll("some/a*.csv'", "[data.file.unreadable]")
                .hasMessageNotContaining("run12:30");
    }

    @Test
    void anAddressWithAPortMakesNoPathOdd() {
        assertThat(SourceScan.isOdd("hdfs://host:9000/rows/a b.csv")).isFalse();
        assertThat(SourceScan.isOdd("hdfs://host:9000/run12:30/a.csv")).isTrue();
        assertThat(SourceScan.isOdd("file:/rows/a[1].csv")).isTrue();
    }

    @Test
    void aRelativePathWithAColonHasNoScheme() {
        assertThat(SourcePaths.path("run12:30/out").toUri().getScheme()).isEqualTo("file");
        assertThat(SourcePaths.path("run12:30/out").toString()).endsWith("/run12:30/out");
        assertThat(SourcePaths.path("s3a://bucket/a b").toUri().getScheme()).isEqualTo("s3a");
    }

    @Test
    void withALocalMasterAPathIsLocalWhateverTheDefaultFileSystem() throws IOException {
        Files.createDirectories(dir.resolve("rows"));
        write("rows/a b.csv", "text,label\na,b\n");
        write("rows/c.csv", "text,label\nd,e\n");
        var hadoop = spark.sparkContext().hadoopConfiguration();
        String before = FileSystem.getDefaultUri(hadoop).toString();
        FileSystem.setDefaultUri(hadoop, "hdfs://127.0.0.1:1");
        try {
            assertThat(text("rows/a b.csv")).containsExactly("a");
            assertThat(text("rows/*.csv")).containsExactly("a", "d");
        } finally {
            FileSystem.setDefaultUri(hadoop, before);
        }
    }

    @Test
    void filesThatSparkSkipsAreSaid() throws IOException {
        Path file = write("_labelled.csv", "text,label\na,b\n");
        assertFails(file, "data.file.missing", "_labelled.csv'", "Spark skips");
        Files.createDirectories(dir.resolve("parts/.old"));
        write("parts/.old/a.csv", "text,label\na,b\n");
        assertFails(dir.resolve("parts"), "data.file.missing", "parts'", ".old/a.csv");
        write("parts/b.csv", "text,label\nc,d\n");
        assertThat(text("parts")).containsExactly("c");
        // Of a table's folders, only the files count.
        Files.createDirectories(dir.resolve("_table"));
        write("_table/b.csv", "text,label\nc,d\n");
        assertThat(text("_table")).containsExactly("c");
    }

    @ParameterizedTest
    @CsvSource({"1, x", "x, 1", "1.5D, 1", "1, 1L", "true, x"})
    void aTypeThatDiffersFromFileToFileIsNamedWithItsFile(String one, String other) throws IOException {
        for (String value : List.of(one, other)) {
            String label = value.replaceFirst("^([a-z])$", "'$1'");
            spark.sql("select 'a' text, 2 other, " + label + " label")
                    .coalesce(1)
                    .write()
                    .mode("append")
                    .parquet(dir.resolve("mixed").toString());
        }
        if (spark.version().startsWith("4") && Stream.of(one, other).allMatch(v -> v.matches("1.*"))) {
            // Spark 4 widens numbers, but only if it meets the wider type first.
            try {
                assertThat(text("mixed")).containsExactly("a", "a");
            } catch (DataException e) {
                assertThat(e).hasMessageEndingWith("[data.file.unreadable]");
            }
            return;
        }
        assertFails(dir.resolve("mixed"), "data.file.unreadable", "mixed/part-", "label");
        // A column that nobody asked for may be of any type, unless it is to be written again.
        SourceConfig unasked = source(dir.resolve("mixed").toString(), "text", "other");
        assertThat(rows(unasked)).hasSize(2);
        assertThatThrownBy(() -> SourceReader.readWithInput(spark, unasked, Task.CLASSIFICATION, Optional.empty()))
                .hasMessageContainingAll("mixed/part-", "label", "[data.file.unreadable]");
    }

    @ParameterizedTest
    @ValueSource(strings = {"[\"billing\", \"urgent\"]", "[]", "{\"name\": \"billing\"}"})
    void aFieldThatIsSometimesAListIsNamedWithItsRow(String nested) throws IOException {
        Path label = write(
                "label.jsonl",
                "{\"text\": \"[1] a\", \"label\": \"x\"}\n{\"text\": \"b\", \"label\": " + nested + "}\n");
        assertFails(label, "data.column.type", label + " row 2", "'label'");
        Path text =
                write("text.jsonl", "{\"text\": " + nested + ", \"label\": 1}\n{\"text\": \"b\", \"label\": \"x\"}\n");
        assertFails(text, "data.column.type", text + " row 1", "'text'");
        assertThatThrownBy(() -> column(label, Task.MULTI_LABEL, 4))
                .hasMessageContainingAll(label + " row 2", "'label'", "[data.column.type]");
        // A text that looks like a list is a text.
        String quoted = "\"" + nested.replace("\"", "\\\"") + "\"";
        Path texts = write("texts.jsonl", "{\"text\": " + quoted + ", \"label\": " + quoted + "}\n");
        assertThat(column(texts, Task.CLASSIFICATION, 2)).containsExactly(nested);
    }

    @Test
    void namesOfColumnsAreComparedAsTheSessionDoes() throws IOException {
        Path file = write("upper.csv", "Text,LABEL\na,b\n");
        assertThat(text("upper.csv")).containsExactly("a");
        Path twins = write("twins.csv", "Text,text,label,Id,id\na,b,c,1,2\n");
        Path json = write("twins.jsonl", "{\"Text\": \"a\", \"text\": \"b\", \"label\": \"c\"}\n");
        assertFails(twins, "data.column.ambiguous", "twins.csv'", "'Text', 'text'");
        assertFails(json, "data.column.ambiguous", "twins.jsonl'", "'Text', 'text'");
        assertThat(rows(source(twins.toString(), "label", "label"))).hasSize(1);
        spark.conf().set("spark.sql.caseSensitive", "true");
        try {
            assertFails(file, "data.column.missing", "'text'", "did you mean 'Text'?");
            assertThat(text("twins.csv")).containsExactly("b");
            assertThat(text("twins.jsonl")).containsExactly("b");
            Path parquet = dir.resolve("twins.parquet");
            spark.read().json(json.toString()).write().parquet(parquet.toString());
            assertThat(text("twins.parquet")).containsExactly("b");
            spark.conf().unset("spark.sql.caseSensitive");
            assertFails(parquet, "data.column.ambiguous", "twins.parquet'", "'Text', 'text'");
        } finally {
            spark.conf().unset("spark.sql.caseSensitive");
        }
    }

    @Test
    void placesAreWrittenAsPeopleWriteThem() throws IOException {
        Path file = write("ä b.csv", "text,label\na,b\nc\n");
        assertFails(file, "data.row.malformed", file + " row 2: ");
    }

    @Test
    void aNamelessIndexColumnDoesNotDisturb() throws IOException {
        write("pandas.csv", ",text,label\n0,a,x\n1,b,y\n");
        assertThat(text("pandas.csv")).containsExactly("a", "b");
    }

    private void assertFails(Path file, String code, String... facts) {
        assertThatThrownBy(
                        () -> SourceReader.read(spark, source(file.toString(), "text", "label"), Task.CLASSIFICATION))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll(facts)
                .hasMessageEndingWith("[" + code + "]")
                .satisfies(e -> assertThat(e.getMessage()).doesNotContain("\n"));
    }

    private Path write(String name, String content) throws IOException {
        return Files.writeString(dir.resolve(name), content);
    }

    private List<String> text(String name) {
        List<String> texts = new ArrayList<>();
        rows(source(dir.resolve(name).toString(), "text", "label")).forEach(r -> texts.add(r.getString(2)));
        return texts;
    }

    private static SourceConfig source(String path, String text, String label) {
        return new SourceConfig(
                path, Optional.empty(), text, Optional.empty(), label, Optional.empty(), new TreeMap<>());
    }

    private static List<Row> rows(SourceConfig source) {
        return SourceReader.read(spark, source, Task.CLASSIFICATION)
                .orderBy("file", "row")
                .collectAsList();
    }

    private List<String> column(Path file, Task task, int column) {
        return SourceReader.read(spark, source(file.toString(), "text", "label"), task)
                .orderBy("file", "row")
                .collectAsList()
                .stream()
                .map(row -> row.getString(column))
                .toList();
    }

    @Test
    void labelSetsAreListsWhateverSpellsThem() throws IOException {
        Path csv = write("sets.csv", """
                text,label
                a,x|y
                b,"say ""z"", too"
                c,
                d,x||
                """);
        assertThat(column(csv, Task.MULTI_LABEL, 4))
                .containsExactly("[\"x\",\"y\"]", "[\"say \\\"z\\\", too\"]", "[]", "[\"x\",\"\",\"\"]");
        Path json = write("sets.jsonl", """
                {"text": "a", "label": ["x", "y"]}
                {"text": "b", "label": []}
                {"text": "c", "label": null}
                {"text": "d"}
                """);
        assertThat(column(json, Task.MULTI_LABEL, 4)).containsExactly("[\"x\",\"y\"]", "[]", "[]", "[]");
        Path parquet = dir.resolve("sets.parquet");
        spark.read().json(json.toString()).write().parquet(parquet.toString());
        assertThat(column(parquet, Task.MULTI_LABEL, 4)).containsExactlyInAnyOrder("[\"x\",\"y\"]", "[]", "[]", "[]");
        assertThatThrownBy(() -> column(json, Task.CLASSIFICATION, 4))
                .hasMessageContainingAll("'label'", "array<string>", "[data.column.type]");
    }

    @Test
    void wordsAndTagsAreListsOfTexts() throws IOException {
        Path json = write("words.jsonl", """
                {"text": ["It", "costs", "5", "\\"ü😀"], "label": [0, 1, 2, 0]}
                {"text": [], "label": null}
                """);
        assertThat(column(json, Task.TOKEN_CLASSIFICATION, 2))
                .containsExactly("[\"It\",\"costs\",\"5\",\"\\\"ü😀\"]", null);
        assertThat(column(json, Task.TOKEN_CLASSIFICATION, 4)).containsExactly("[\"0\",\"1\",\"2\",\"0\"]", null);
        Path nested = write("nested.jsonl", "{\"text\": [[\"a\"]], \"label\": [\"x\"]}\n");
        assertThatThrownBy(() -> column(nested, Task.TOKEN_CLASSIFICATION, 2))
                .hasMessageContainingAll("'text'", "array<array<string>>", "[data.column.type]");
    }
}
