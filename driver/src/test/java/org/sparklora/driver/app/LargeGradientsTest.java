package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The driver exchange where the tasks' gradients together are more than the driver may receive. */
class LargeGradientsTest {

    private static final String MAX_RESULT_SIZE = "spark.driver.maxResultSize";

    @TempDir
    private Path folder;

    @Test
    void areAddedOnExecutorsWithTheSameBits() throws IOException {
        Files.writeString(folder.resolve("train.csv"), "text,label\n" + "great plot,yes\nbad end,no\n".repeat(40));
        // A gradient has 0.2 MB, so those of 64 shards have 13 MB, and those of 12 tasks 3 MB or more.
        Path job = Files.writeString(
                folder.resolve("job.yaml"),
                TrainingJob.format("""
                model: {path: "%s", max_length: 16}
                data: {train: {path: "%s"}}
                lora:
                  r: 32
                  groups: {all: {target_modules: [query, value]}}
                schedule: {live: [all]}
                training: {num_train_epochs: 1, batch_size: 64, shards: 64}
                """, TrainingJob.TINY_MODEL, folder.resolve("train.csv")));
        TrainingJob.Ended peer = TrainingJob.train("local[2]", job, folder.resolve("peer"), "execution.exchange=peer");
        assertThat(peer.code()).as(peer.err()).isZero();
        System.setProperty(MAX_RESULT_SIZE, "1m");
        try {
            for (String master : new String[] {"local[2]", "local[12]"}) {
                Path output = folder.resolve(master);
                TrainingJob.Ended driver = TrainingJob.train(master, job, output, "execution.exchange=driver");
                assertThat(driver.code()).as(driver.err()).isZero();
                assertThat(output.resolve("adapter/adapter_model.safetensors"))
                        .hasSameBinaryContentAs(folder.resolve("peer/adapter/adapter_model.safetensors"));
            }
        } finally {
            System.clearProperty(MAX_RESULT_SIZE);
        }
    }
}
