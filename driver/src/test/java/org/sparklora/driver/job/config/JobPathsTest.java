package org.sparklora.driver.job.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JobPathsTest {

    @TempDir
    Path directory;

    private JobPaths paths = new JobPaths(Path.of(""), Path.of("job.yaml"));

    @BeforeEach
    void jobFileLiesInAFolderOfTheCurrentDirectory() throws IOException {
        Files.createDirectories(directory.resolve("conf/data"));
        Files.createDirectories(directory.resolve("data"));
        Files.writeString(directory.resolve("conf/both.csv"), "");
        Files.writeString(directory.resolve("both.csv"), "");
        Files.writeString(directory.resolve("conf/beside.csv"), "");
        Files.writeString(directory.resolve("conf/data/a.csv"), "");
        Files.writeString(directory.resolve("data/a.tsv"), "");
        Files.writeString(directory.resolve("odd[1].csv"), "");
        paths = new JobPaths(directory, Path.of("conf/job.yaml"));
    }

    @Test
    void looksInTheCurrentDirectoryThenBesideTheJobFile() {
        assertThat(paths.input("both.csv")).isEqualTo(at("both.csv"));
        assertThat(paths.input("beside.csv")).isEqualTo(at("conf/beside.csv"));
        assertThat(paths.input("./conf/../neither.csv")).isEqualTo(at("neither.csv"));
    }

    @Test
    void looksForGlobsWhereTheyMatch() {
        assertThat(paths.input("data/*.csv")).isEqualTo(at("conf/data/*.csv"));
        assertThat(paths.input("data/*.{tsv,txt}")).isEqualTo(at("data/*.{tsv,txt}"));
        assertThat(paths.input("bes*.csv")).isEqualTo(at("conf/bes*.csv"));
        assertThat(paths.input("da*/a.tsv")).isEqualTo(at("da*/a.tsv"));
        assertThat(paths.input("none/*.csv")).isEqualTo(at("none/*.csv"));
        assertThat(paths.input("odd[1].csv")).isEqualTo(at("odd[1].csv"));
        assertThat(paths.input("data/{")).isEqualTo(at("data/{"));
    }

    @Test
    void aColonInANameIsNoScheme() throws IOException {
        Files.createDirectories(directory.resolve("conf/run12:30"));
        assertThat(paths.input("run12:30")).isEqualTo(at("conf/run12:30"));
        assertThat(paths.input("run12:30/none.csv")).isEqualTo(at("run12:30/none.csv"));
        assertThat(paths.output("run12:30/out")).isEqualTo(at("run12:30/out"));
        assertThat(paths.input("dataset:training")).isEqualTo("dataset:training");
    }

    @Test
    void leavesAbsolutePathsAndSchemesAlone() {
        assertThat(paths.input("/x/y")).isEqualTo("/x/y");
        assertThat(paths.input("hdfs://h/x/../y")).isEqualTo("hdfs://h/x/../y");
        assertThat(paths.input("file:/x")).isEqualTo("file:/x");
        assertThat(paths.output("s3a://b/o")).isEqualTo("s3a://b/o");
    }

    @Test
    void writesUnderTheCurrentDirectory() {
        assertThat(paths.output("beside.csv")).isEqualTo(at("beside.csv"));
    }

    @Test
    void jobResolvesItsInputsBesideItself() throws IOException {
        Files.writeString(
                directory.resolve("conf/job.yaml"),
                Jobs.SMALLEST.replace("/m", "data").replace("/d/train.csv", "beside.csv"));
        JobConfig job = JobFile.read(
                Path.of("conf/job.yaml"),
                List.of("lora.init_adapter=beside.csv", "data.validation.path=both.csv"),
                Optional.empty(),
                directory);
        assertThat(job.model().path()).isEqualTo(at("data"));
        assertThat(job.data().train().path()).contains(at("conf/beside.csv"));
        assertThat(job.lora().initAdapter()).contains(at("conf/beside.csv"));
    }

    private String at(String path) {
        return directory.resolve(path).toString();
    }
}
