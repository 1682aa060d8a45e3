package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.spark.FaultyFileSystem;

/** A run whose disk fills up ends with one line, and goes on from its newest checkpoint when there is room again. */
class FullDiskTest {

    private static final int STEPS = 6;

    @TempDir
    private Path folder;

    private Path job;

    @BeforeEach
    void writeJob() throws IOException {
        FaultyFileSystem.SETTINGS.forEach((key, value) -> System.setProperty("spark.hadoop." + key, value));
        Files.writeString(folder.resolve("train.csv"), "text,label\n" + "great plot,yes\nbad end,no\n".repeat(6));
        job = Files.writeString(
                folder.resolve("job.yaml"),
                TrainingJob.format("""
                model: {path: "%s", max_length: 16}
                data: {train: {path: "%s"}}
                lora:
                  groups: {top: {target_modules: [query], layers_to_transform: [11]}}
                schedule: {live: [top]}
                training: {num_train_epochs: 2, batch_size: 4, shards: 2}
                execution: {checkpoint_every: 1}
                """, TrainingJob.TINY_MODEL, folder.resolve("train.csv")));
    }

    @AfterEach
    void forgetScheme() {
        FaultyFileSystem.SETTINGS.keySet().forEach(key -> System.clearProperty("spark.hadoop." + key));
    }

    private TrainingJob.Ended train(String output, String... more) {
        List<String> args = new ArrayList<>(List.of("train", "--config", job.toString(), "--output", output));
        args.addAll(List.of(more));
        return TrainingJob.run("local[2]", args.toArray(String[]::new));
    }

    @Test
    void goesOnToTheSameBitsWhenThereIsRoomAgain() throws IOException {
        FaultyFileSystem roomy = FaultyFileSystem.disk();
        Path undisturbed = folder.resolve("undisturbed");
        assertThat(train(roomy.at(undisturbed).toString()).code()).isZero();
        for (FaultyFileSystem disk :
                List.of(FaultyFileSystem.disk(), FaultyFileSystem.disk().objectStore())) {
            for (int percent : new int[] {50, 90}) {
                Path run = folder.resolve(percent + "-" + disk.getUri().getHost());
                String output = disk.at(run).toString();
                disk.room(roomy.written() * percent / 100);
                endsWithOneLine(train(output), output);
                disk.heal();
                TrainingJob.Ended resumed = train(output, "--resume");
                assertThat(resumed.code()).as(resumed.err()).isZero();
                assertThat(resumed.err()).contains("going on from checkpoints/epoch-0000");
                assertSameRun(run, undisturbed);
            }
        }
    }

    private static void endsWithOneLine(TrainingJob.Ended ended, String output) {
        assertThat(ended.code()).isEqualTo(2);
        assertThat(ended.err().lines().filter(line -> line.startsWith("spark-lora: ")))
                .as(ended.err())
                .singleElement()
                .asString()
                .startsWith("spark-lora: " + output + "/")
                .endsWith(" cannot be written: disk full; check the path, its permissions and the space on its disk, or"
                        + " give another --output");
        assertThat(ended.err()).doesNotContain("\tat org.");
    }

    private static void assertSameRun(Path run, Path wanted) {
        assertThat(run.resolve("adapter/adapter_model.safetensors"))
                .hasSameBinaryContentAs(wanted.resolve("adapter/adapter_model.safetensors"));
        assertThat(TrainingJob.events(run, "step").stream()
                        .map(step -> step.get("step").asInt()))
                .containsExactlyElementsOf(IntStream.range(0, STEPS).boxed().toList());
        assertThat(TrainingJob.status(run)).isEqualTo(TrainingJob.status(wanted));
    }
}
