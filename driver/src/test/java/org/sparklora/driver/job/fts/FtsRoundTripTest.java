package org.sparklora.driver.job.fts;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.job.config.GroupConfig;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.JobFile;
import org.sparklora.driver.job.freeze.EpochMetrics;
import org.sparklora.driver.job.freeze.FreezePolicy;
import org.sparklora.driver.job.freeze.Replay;
import org.sparklora.driver.job.manifest.GroupSpec;
import org.sparklora.driver.job.manifest.JobValue;
import org.sparklora.driver.job.manifest.ManifestBuilder;
import org.sparklora.driver.job.manifest.ModelTensors;
import org.sparklora.driver.job.manifest.ModuleSelection;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.lora.PlainLora;

/** What a conversion prints is a job that thaws when finetuning-scheduler does. */
class FtsRoundTripTest {

    private static final FtsModel BERT = FtsModels.bert();

    @TempDir
    Path directory;

    private JobConfig job(String fts, Optional<FtsModel> model) throws IOException {
        FtsSchedule schedule = FtsSchedule.read(Files.writeString(directory.resolve("fts.yaml"), fts));
        String job = """
                model: {path: /m}
                data:
                  train: {path: /d/train.csv}
                  validation: {fraction: 0.1}
                training: {learning_rate: 5.0e-4, num_train_epochs: 20}
                output: /o
                """ + FtsConversion.yaml(schedule, model, OptionalDouble.of(5e-4));
        return JobFile.read(Files.writeString(directory.resolve("job.yaml"), job), List.of(), Optional.empty());
    }

    private static LoraManifest manifest(JobConfig job) {
        List<GroupSpec> specs = new ArrayList<>();
        job.lora().groups().forEach((name, group) -> specs.add(spec(name, group)));
        return ManifestBuilder.build(
                specs, new ModelTensors(BERT.linears(), List.of(), List.of()), BiasMode.NONE, PlainLora.INSTANCE);
    }

    private static GroupSpec spec(String name, GroupConfig group) {
        return new GroupSpec(
                name,
                group.purpose(),
                new ModuleSelection(
                        group.targetModules(),
                        new JobValue<>("lora.exclude_modules", group.excludeModules()),
                        group.layersToTransform()),
                new GroupSpec.Size(
                        group.r(),
                        group.loraAlpha(),
                        new JobValue<>("lora.rank_pattern", group.rankPattern()),
                        new JobValue<>("lora.alpha_pattern", group.alphaPattern())),
                new GroupSettings(group.loraDropout(), false, group.learningRateScale(), group.warmupSteps()));
    }

    private static List<String> paths(LoraManifest manifest, String group) {
        return manifest.groups().stream()
                .filter(g -> g.name().equals(group))
                .flatMap(g -> g.modules().stream())
                .map(LoraModule::path)
                .toList();
    }

    /** What thaws when, where validation shows these losses. */
    private static List<String> thaws(JobConfig job, LoraManifest manifest, double... losses) {
        FreezePolicy policy = job.schedule().freezePolicy();
        Set<String> groups = manifest.groups().stream().map(LoraGroup::name).collect(Collectors.toSet());
        assertThat(policy.problems(groups, Set.of(), 10)).isEmpty();
        List<EpochMetrics> seen = new ArrayList<>();
        for (double loss : losses) {
            seen.add(new EpochMetrics(seen.size(), loss, new TreeMap<>(Map.of("loss", loss)), new TreeMap<>()));
        }
        List<String> thaws = new ArrayList<>();
        new Replay(policy, 10)
                .decisions(policy.initial(groups, Set.of()), seen, losses.length + 1)
                .forEach(decided -> {
                    decided.decision().transitions().forEach(t -> thaws.add(decided.at() + ": " + t.group()));
                    decided.decision().stop().ifPresent(why -> thaws.add(decided.at() + ": stop"));
                });
        return thaws;
    }

    private static double[] falling(int epochs) {
        double[] losses = new double[epochs];
        for (int i = 0; i < epochs; i++) {
            losses[i] = 1.0 / (i + 1);
        }
        return losses;
    }

    /**
     * By hand: FTS asks before each epoch whether max_transition_epoch is not above it, so phase 0 has epochs 0, 1 and 2,
     * phase 1 epochs 3 to 8, and phase 2 begins with epoch 9.
     */
    @Test
    void eventsThawBeforeTheEpochOfTheTransition() throws IOException {
        JobConfig job = job("""
                0: {params: [model.classifier.weight, model.classifier.bias], max_transition_epoch: 3}
                1:
                  params: ['model.bert.encoder.layer.11.attention.self.query']
                  max_transition_epoch: 9
                  lr: 1e-04
                2: {params: ['model.bert.encoder.layer.(8|9|10).*'], lr: 1e-05}
                """, Optional.of(BERT));
        LoraManifest manifest = manifest(job);
        assertThat(thaws(job, manifest, falling(12))).containsExactly("epoch 3: phase1", "epoch 9: phase2");
        assertThat(paths(manifest, "phase1")).containsExactly("bert.encoder.layer.11.attention.self.query");
        assertThat(paths(manifest, "phase2"))
                .hasSize(18)
                .containsExactlyInAnyOrderElementsOf(BERT.linears().stream()
                        .map(linear -> linear.path())
                        .filter(path -> path.matches(".*layer\\.(8|9|10)\\..*"))
                        .toList());
        assertThat(job.lora().groups().get("phase1"))
                .extracting(GroupConfig::purpose, GroupConfig::learningRateScale)
                .containsExactly("finetuning-scheduler phase 1", 0.2);
        assertThat(job.schedule().live()).isEmpty();
    }

    /**
     * By hand: while every epoch improves, phases end with epochs 2 and 5 by their limits. With improvement in epoch 0 alone
     * and the default patience of 3, phase 0 would last until epoch 3: the limit comes first.
     */
    @Test
    void limitsEquallyFarApartEndPhasesBeforeTheSameEpochs() throws IOException {
        JobConfig job = job("""
                0: {params: [model.classifier.weight], max_transition_epoch: 3}
                1: {params: ['model.bert.encoder.layer.11'], max_transition_epoch: 6}
                2: {params: ['model.bert.encoder.layer.10']}
                """, Optional.of(BERT));
        LoraManifest manifest = manifest(job);
        assertThat(thaws(job, manifest, falling(9))).containsExactly("epoch 3: phase1", "epoch 6: phase2");
        assertThat(thaws(job, manifest, 1, 2, 2, 2)).containsExactly("epoch 3: phase1");
    }

    /**
     * By hand, patience 3: epoch 1 is the best of phase 0, epochs 2, 3 and 4 are no better, phase 1 begins with epoch 5; its
     * epoch 5 is the best, 6, 7 and 8 are no better, and no group is left.
     */
    @Test
    void withoutLimitsGroupsThawOnAPlateau() throws IOException {
        JobConfig job = job("""
                0: {params: [model.bert.pooler.dense.weight]}
                1: {params: [model.bert.encoder.layer.11.attention.self.query.weight]}
                """, Optional.of(BERT));
        assertThat(thaws(job, manifest(job), 0.9, 0.8, 0.8, 0.9, 0.8, 0.7, 0.7, 0.7, 0.7))
                .containsExactly("epoch 5: phase1", "epoch 9: stop");
        assertThat(job.schedule().live()).containsExactly("phase0");
    }

    @Test
    void namesFoundWithoutAModelFitIt() throws IOException {
        JobConfig job = job("""
                0: {params: [net.bert.pooler.dense.weight, net.bert.embeddings.LayerNorm.weight]}
                1: {params: [net.encoder.layer.11.attention.self.query.weight, net.encoder.layer.1.output.dense.weight]}
                """, Optional.empty());
        LoraManifest manifest = manifest(job);
        assertThat(paths(manifest, "phase0")).containsExactly("bert.pooler.dense");
        assertThat(paths(manifest, "phase1"))
                .containsExactly("bert.encoder.layer.1.output.dense", "bert.encoder.layer.11.attention.self.query");
    }
}
