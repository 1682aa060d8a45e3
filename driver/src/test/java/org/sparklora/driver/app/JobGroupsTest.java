package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.JobFile;
import org.sparklora.driver.job.config.ResolvedYaml;
import org.sparklora.driver.training.JobGroups;
import org.sparklora.driver.training.JobModel;
import org.sparklora.worker.contract.LoraManifest;

class JobGroupsTest {

    private static final String SELF = "bert.encoder.layer.1.attention.self.";

    @TempDir
    private Path folder;

    private SmallJob small;

    @BeforeEach
    void openJob() {
        small = new SmallJob(folder);
    }

    private JobConfig job(String... overrides) {
        return JobFile.read(
                folder.resolve("job.yaml"),
                List.of(overrides),
                Optional.of(small.output().toString()));
    }

    private static JobGroups open(JobConfig job) {
        return JobGroups.of(JobModel.open(job));
    }

    @Test
    void ranksAlphasAndExclusionsReachTheirModules() {
        LoraManifest groups = open(job(
                        "lora.rank_pattern={value: 3}",
                        "lora.groups.top.alpha_pattern={\"1.attention.self.key\": 2.5}",
                        "lora.groups.top.target_modules=all-linear",
                        "lora.groups.top.exclude_modules=.*\\.dense",
                        "lora.groups.top.layers_to_transform=1-1"))
                .groups();
        Map<String, List<Number>> top = new TreeMap<>();
        groups.group("top")
                .orElseThrow()
                .modules()
                .forEach(m -> top.put(m.path(), List.of(m.loraRank(), m.loraAlpha())));
        assertThat(top)
                .isEqualTo(Map.of(
                        SELF + "key",
                        List.of(4, 2.5),
                        SELF + "query",
                        List.of(4, 8.0),
                        SELF + "value",
                        List.of(3, 8.0)));
        assertThat(groups.group("bottom").orElseThrow().modules())
                .extracting(m -> m.loraRank())
                .containsExactly(4);
    }

    @Test
    void theResolvedJobMeansTheSameGroups() {
        // The inherited pattern matches nothing in bottom. As a key of that group it would be refused.
        JobConfig job = job("lora.rank_pattern={value: 3}", "lora.exclude_modules=[pooler.dense]");
        JobConfig again = JobFile.resolved("config.yaml", ResolvedYaml.write(job));
        assertThat(again).isEqualTo(job);
        assertThat(open(again).groups()).isEqualTo(open(job).groups());
    }

    @Test
    void warnsOfNameEndingsThatPeft030ReadsMoreWidely() {
        JobConfig job = job(
                "model.path=" + TrainingJob.TINY_MODEL.toAbsolutePath(),
                "lora.groups.bottom={target_modules: [0.attention.self.query]}");
        assertThat(open(job).peftTraps()).singleElement().asString().contains(
                "lora.groups.bottom.target_modules[0]='0.attention.self.query'",
                "'bert.encoder.layer.10.attention.self.query'",
                "PEFT 0.3.0");
        assertThat(open(job()).peftTraps()).isEmpty();
    }
}
