package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A cluster with more task slots than the job has shards. */
class SurplusSlotsTest {

    @TempDir
    private Path folder;

    @Test
    void idleWithAWarningAndTheRunIsRight() throws IOException {
        Path job = TrainingJob.smallest(folder);
        Path one = folder.resolve("one");
        TrainingJob.Ended enough = TrainingJob.train("local[2]", job, one);
        assertThat(enough.code()).as(enough.err()).isZero();
        assertThat(enough.err()).doesNotContain("warning");
        for (String exchange : new String[] {"peer", "driver"}) {
            Path many = folder.resolve(exchange);
            TrainingJob.Ended ended = TrainingJob.train("local[4]", job, many, "execution.exchange=" + exchange);
            assertThat(ended.code()).as(ended.err()).isZero();
            assertThat(ended.err()).contains("warning: 2 of 4 task slots", "training.shards is 2");
            assertThat(many.resolve("adapter/adapter_model.safetensors"))
                    .hasSameBinaryContentAs(one.resolve("adapter/adapter_model.safetensors"));
        }
    }
}
