package org.sparklora.driver.job.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.job.freeze.EpochSchedule;

/** The job files that we ship. */
class ConfFilesTest {

    @Test
    void sst2IsLegal() {
        JobConfig job = read("sst2.yaml");
        assertThat(job.name()).isEqualTo("sst2");
        assertThat(job.model().labels()).contains(List.of("0", "1"));
        assertThat(job.lora().groups()).containsOnlyKeys("rest", "top");
        assertThat(job.training().learningRate()).isEqualTo(2e-3);
    }

    @Test
    void stsbIsLegal() {
        JobConfig job = read("stsb.yaml");
        assertThat(job.model().task()).isEqualTo(Task.REGRESSION);
        assertThat(job.data().train().text()).isEqualTo("text_a");
        assertThat(job.data().train().textPair()).contains("text_b");
        assertThat(job.schedule().events()).extracting(EpochSchedule.Event::thaw).containsExactly(List.of("rest"));
    }

    private static JobConfig read(String name) {
        Path file = Path.of(System.getProperty("project.root", ".."), "conf", name);
        return JobFile.read(file, List.of(), Optional.empty());
    }
}
