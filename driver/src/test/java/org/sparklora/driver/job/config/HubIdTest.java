package org.sparklora.driver.job.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HubIdTest {

    private static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

    @ParameterizedTest
    @ValueSource(
            strings = {
                "google-bert/bert-base-uncased",
                "a/b",
                "x.y_z/w-1.0",
                "a/b@main",
                "a/b@v1.0",
                "a/b@refs/pr/1",
                "a/b@" + COMMIT
            })
    void aTextOfTheHubsForm(String text) {
        assertThat(HubId.of(text)).map(HubId::toString).contains(text);
    }

    /** Names that the hub does not have, and all that would lead out of a folder. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "bert",
                "a/b/c",
                "/a/b",
                "a/",
                "../b",
                "./b",
                "a/..",
                "a/.b",
                "-a/b",
                "a/b-",
                "a--b/c",
                "a/b..c",
                "a b/c",
                "hdfs://a/b",
                "file:a/b",
                "a/b@",
                "a/b@../c",
                "a/b@c/../../d",
                "a/b@/c",
                "a/b@c/",
                "a/b@c//d",
                "a/b@-c",
                "a/b@.c",
                "a/b@c@d",
                "a/ü",
                "a/b*",
                "a\\b/c",
                "a/b\n"
            })
    void anyOtherTextIsAPath(String text) {
        assertThat(HubId.of(text)).isEmpty();
    }

    @Test
    void onlyAWholeHashIsPinned() {
        HubId main = HubId.of("a/b").orElseThrow();
        assertThat(main.revision()).isEmpty();
        assertThat(main.isPinned()).isFalse();
        assertThat(main.at(COMMIT)).hasToString("a/b@" + COMMIT).matches(HubId::isPinned);
        assertThat(HubId.of("a/b@" + COMMIT.substring(1)).orElseThrow().isPinned())
                .isFalse();
    }

    /** A directory of that name wins, in the current directory or beside the job file. */
    @Test
    void aJobKeepsAnIdUnlessADirectoryHasItsName(@TempDir Path folder) throws IOException {
        Path here = Files.createDirectories(folder.resolve("here"));
        Path file = Files.writeString(
                Files.createDirectories(folder.resolve("jobs")).resolve("job.yaml"), """
                model: {path: google-bert/bert}
                data: {train: {path: google-bert/rows.csv}}
                lora: {init_adapter: someone/adapter@v1, groups: {all: {target_modules: [query]}}}
                schedule: {live: [all]}
                output: out
                """);
        JobConfig job = JobFile.read(file, List.of(), Optional.empty(), here);
        assertThat(job.model().path()).isEqualTo("google-bert/bert");
        assertThat(job.lora().initAdapter()).contains("someone/adapter@v1");
        assertThat(job.data().train().path()).contains(here + "/google-bert/rows.csv");

        String yaml = ResolvedYaml.write(
                job.with("google-bert/bert@" + COMMIT, job.lora().initAdapter()));
        JobConfig resolved = JobFile.resolved("config.yaml", yaml);
        assertThat(resolved.model())
                .isEqualTo(new ModelConfig("google-bert/bert@" + COMMIT, Task.CLASSIFICATION, Optional.empty(), 128));
        assertThat(resolved.lora()).isEqualTo(job.lora());

        Path beside = Files.createDirectories(folder.resolve("jobs/someone/adapter@v1"));
        Path model = Files.createDirectories(here.resolve("google-bert/bert"));
        JobConfig local = JobFile.read(file, List.of(), Optional.empty(), here);
        assertThat(local.model().path()).isEqualTo(model.toString());
        assertThat(local.lora().initAdapter()).contains(beside.toString());
    }
}
