package org.sparklora.driver.job.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.ThrowingConsumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;

class JobChangesTest {

    private static final String[] CONSTANT = {"training.lr_scheduler_type=constant"};
    private static final FreezeState REACHED =
            FreezeState.of(Map.of("top", GroupState.LIVE, "bottom", GroupState.DORMANT));

    @TempDir
    private Path directory;

    private JobConfig job(String... overrides) {
        String[] all = new String[overrides.length + 1];
        all[0] = CONSTANT[0];
        System.arraycopy(overrides, 0, all, 1, overrides.length);
        return Jobs.read(directory, Jobs.TWO_GROUPS, all);
    }

    private List<String> refused(String... overrides) {
        return JobChanges.refused(job(), job(overrides), REACHED, 1);
    }

    @Test
    void theSameJobGoesOn() {
        assertThat(refused()).isEmpty();
        assertThat(JobChanges.fixedSha256(job())).isEqualTo(JobChanges.fixedSha256(job()));
    }

    @Test
    void whatMayChange() {
        String[] changes = {
            "name=other",
            "training.num_train_epochs=9",
            "execution.checkpoint_every=5",
            "execution.max_failures=1",
            "execution.executor_timeout=1h",
            "execution.min_executors=2",
            "lora.groups.middle={target_modules: [key], layers_to_transform: [5]}",
            "output=/elsewhere"
        };
        assertThat(refused(changes)).isEmpty();
        assertThat(JobChanges.fixedSha256(job(changes))).isEqualTo(JobChanges.fixedSha256(job()));
    }

    /** A run of 0.1.0 has no such key, and its checkpoints have a digest of the job. */
    @Test
    void theLibraryOfMatrixProductsStays() {
        assertThat(refused("execution.kernel=mkl")).isEmpty();
        assertThat(refused("execution.kernel=onednn"))
                .singleElement()
                .asString()
                .contains("execution.kernel: mkl → onednn", "--set execution.kernel=mkl");
        assertThat(JobChanges.fixedSha256(job("execution.kernel=onednn"))).isEqualTo(JobChanges.fixedSha256(job()));
    }

    @Test
    void everythingElseIsListed() {
        String[] changes = {
            "seed=1",
            "data.train.path=/d/other.csv",
            "data.validation.fraction=0.5",
            "training.batch_size=16",
            "training.max_grad_norm=null",
            "training.loraplus_lr_ratio=16",
            "lora.groups.top.r=4",
            "lora.use_dora=true",
            "schedule.live=[]"
        };
        assertThat(refused(changes))
                .contains(
                        "seed: 42 → 1",
                        "data.train.path: /d/train.csv → /d/other.csv",
                        "training.batch_size: 32 → 16",
                        "training.max_grad_norm: 1.0 → null",
                        "training.loraplus_lr_ratio: null → 16.0",
                        "schedule.live: [top] → []",
                        "lora.use_dora: false → true",
                        "lora.groups.top.r: 8 → 4")
                .anyMatch(line -> line.startsWith("data.validation"));
        assertThat(JobChanges.fixedSha256(job(changes))).isNotEqualTo(JobChanges.fixedSha256(job()));
    }

    @Test
    void whatModulesAGroupHasAndTheirRanksStay() {
        String[] given = {"lora.rank_pattern={query: 4, key: 2}", "lora.exclude_modules=[key]"};
        JobConfig before = job(given);
        assertThat(JobChanges.refused(before, job(given), REACHED, 1)).isEmpty();
        assertThat(JobChanges.refused(before, job("lora.rank_pattern={key: 2, query: 4}", given[1]), REACHED, 1))
                .as("the order of patterns counts")
                .containsExactly(
                        "lora.rank_pattern: {query=4, key=2} → {key=2, query=4}",
                        "lora.groups.bottom.rank_pattern: {query=4, key=2} → {key=2, query=4}",
                        "lora.groups.top.rank_pattern: {query=4, key=2} → {key=2, query=4}");
        assertThat(refused(
                        "lora.groups.top.alpha_pattern={query: 2.0}",
                        "lora.groups.top.exclude_modules=.*pooler.*",
                        "lora.groups.top.target_modules=all-linear",
                        "lora.groups.top.layers_to_transform=1-2"))
                .containsExactly(
                        "lora.groups.top.target_modules: [query] → all-linear",
                        "lora.groups.top.exclude_modules: [] → .*pooler.*",
                        "lora.groups.top.layers_to_transform: [1] → [1, 2]",
                        "lora.groups.top.alpha_pattern: {} → {query=2.0}");
        assertThat(refused("lora.groups.top.layers_to_transform=1-1"))
                .as("another spelling of the same")
                .isEmpty();
    }

    @Test
    void aVariantIsPartOfTheDigest() {
        assertThat(JobChanges.fixedSha256(job("lora.use_dora=true"))).isNotEqualTo(JobChanges.fixedSha256(job()));
    }

    @Test
    void theDigestOfAJobWithoutNewKeysStaysWhatItWas() {
        // Checkpoints carry it: a key that arrives with a value where nothing is given would make them unusable.
        String yaml = ResolvedYaml.write(job("training.weight_decay_exclude=[bias]"))
                .replace("  weight_decay_exclude:\n  - bias\n", "");
        JobConfig old = JobFile.resolved("config.yaml", yaml);
        assertThat(old.training().weightDecayExclude())
                .as("every tensor decays in a run of 0.1.0")
                .isEmpty();
        assertThat(JobChanges.fixedSha256(old))
                .isEqualTo("a565ddce00dae45d9aee7a1f1552fb21b963ddce0370391f46ef16fc97b5070a");
    }

    @Test
    void moreEpochsNeedAConstantRate() {
        assertThat(refused("training.num_train_epochs=1"))
                .satisfiesExactly(refusal("training.num_train_epochs: 3 → 1"));
        JobConfig linear = job("training.lr_scheduler_type=linear");
        JobConfig more = job("training.lr_scheduler_type=linear", "training.num_train_epochs=4");
        assertThat(JobChanges.refused(linear, more, REACHED, 1))
                .satisfiesExactly(refusal("training.num_train_epochs: 3 → 4", "lr_scheduler_type: constant"));
    }

    @Test
    void moreEpochsNeedAScheduleThatDoesNotDependOnThem() {
        for (String type : List.of("constant_with_warmup", "inverse_sqrt")) {
            JobConfig before = job("training.lr_scheduler_type=" + type);
            assertThat(JobChanges.refused(
                            before,
                            job("training.lr_scheduler_type=" + type, "training.num_train_epochs=4"),
                            REACHED,
                            1))
                    .isEmpty();
        }
        JobConfig ratio = job("training.warmup_ratio=0.1");
        assertThat(JobChanges.refused(
                        ratio, job("training.warmup_ratio=0.1", "training.num_train_epochs=4"), REACHED, 1))
                .satisfiesExactly(refusal("training.num_train_epochs: 3 → 4", "warmup_ratio"));
    }

    @Test
    void anAddedGroupMayThawInWhatIsAhead() {
        String group = "lora.groups.middle={target_modules: [key], layers_to_transform: [5]}";
        assertThat(refused(group, "schedule.events=[{epoch: 1, thaw: [middle]}]"))
                .isEmpty();
        assertThat(refused(group, "schedule.events=[{epoch: 0, thaw: [middle]}]"))
                .satisfiesExactly(refusal("schedule.events[0].epoch: (none) → 0", "'middle'", "epoch 1"));
        assertThat(refused(group, "schedule.live=[top, middle]"))
                .containsExactly("schedule.live: [top] → [top, middle]");
    }

    @Test
    void eventsOfKnownGroupsStay() {
        JobConfig before = job("schedule.events=[{epoch: 1, thaw: [bottom]}, {epoch: 2, freeze: [top]}]");
        String group = "lora.groups.middle={target_modules: [key], layers_to_transform: [5]}";
        JobConfig both = job(group, "schedule.events=[{epoch: 1, thaw: [middle, bottom]}, {epoch: 2, freeze: [top]}]");
        assertThat(JobChanges.refused(before, both, REACHED, 1)).isEmpty();
        JobConfig later = job("schedule.events=[{epoch: 2, thaw: [bottom]}]");
        assertThat(JobChanges.refused(before, later, REACHED, 1))
                .contains("schedule.events[0].epoch: 1 → 2", "schedule.events[1].freeze: [top] → (none)");
    }

    @Test
    void onlyAGroupThatWasNeverLiveMayGo() {
        JobConfig before = job("schedule.events=[{epoch: 1, thaw: [bottom]}]");
        JobConfig without = Jobs.read(directory, Jobs.SMALLEST, CONSTANT);
        List<String> dormant = JobChanges.refused(before, without, REACHED, 1);
        assertThat(dormant).noneMatch(line -> line.contains("bottom"));
        FreezeState live = FreezeState.of(Map.of("top", GroupState.LIVE, "bottom", GroupState.FROZEN));
        assertThat(JobChanges.refused(before, without, live, 2))
                .anySatisfy(refusal("lora.groups.bottom: frozen → (none)"));
    }

    private static String add(int epoch, int r) {
        return "schedule.events=[{epoch: " + epoch
                + ", add: {side: {target_modules: [key], layers_to_transform: [5], r: " + r + "}}, thaw: [side]}]";
    }

    private static final String SIDE = "lora.groups.side={target_modules: [key], layers_to_transform: [5], r: 2}";

    private static List<String> refused(JobConfig before, JobConfig after, int nextDecision) {
        return JobChanges.refused(before, after, REACHED, nextDecision);
    }

    @Test
    void anEventThatLiesAheadMayAddAGroup() {
        assertThat(refused(add(1, 2))).isEmpty();
        assertThat(refused(add(0, 2)))
                .satisfiesExactly(
                        refusal("schedule.events[0].epoch: (none) → 0", "'side'", "epoch 1"),
                        refusal("schedule.events[0].add.side: (none) → epoch 0", "epoch 1"));
        String alone = "schedule.events=[{epoch: 0, step: 3, add: {side: {target_modules: [key]}}}]";
        assertThat(refused(alone))
                .satisfiesExactly(refusal("schedule.events[0].add.side: (none) → step 3 of epoch 0", "epoch 1"));
    }

    @Test
    void aGroupThatAnEventAddsMayGoWhileItWasNeverLive() {
        assertThat(refused(job(add(2, 2)), job(), 1)).isEmpty();
        assertThat(refused(job("schedule.events=[{epoch: 0, add: {side: {target_modules: [key]}}}]"), job(), 1))
                .isEmpty();
        FreezeState live =
                FreezeState.of(Map.of("top", GroupState.LIVE, "bottom", GroupState.DORMANT, "side", GroupState.LIVE));
        assertThat(JobChanges.refused(job(add(2, 2)), job(), live, 3))
                .satisfiesExactly(refusal("schedule.events[0].add.side: live → (none)"));
    }

    @Test
    void aDefinitionMayMoveToAnEventThatLiesAheadAndBack() {
        JobConfig declared = job(SIDE, "schedule.events=[{epoch: 2, thaw: [side]}]");
        JobConfig added = job(add(2, 2));
        assertThat(refused(declared, added, 1)).isEmpty();
        assertThat(refused(added, declared, 1)).isEmpty();
        assertThat(refused(declared, added, 3))
                .satisfiesExactly(refusal("schedule.events[0].add.side: (none) → epoch 2", "epoch 3"));
        assertThat(refused(added, declared, 3))
                .satisfiesExactly(refusal("schedule.events[0].add.side: epoch 2 → (none)", "epoch 3"));
        assertThat(refused(added, job(add(2, 4)), 1)).containsExactly("schedule.events[0].add.side.r: 2 → 4");
        assertThat(refused(declared, job(add(2, 4)), 1)).containsExactly("lora.groups.side.r: 2 → 4");
    }

    @Test
    void theKeysOfAPolicyStay() {
        String[] lisa = {"schedule.policy=lisa", "schedule.live=[]", "schedule.groups=[top, bottom]"};
        JobConfig before = job(lisa);
        JobConfig after = job(lisa[0], lisa[1], lisa[2], "schedule.period=5", "schedule.weights={top: 2}");
        assertThat(refused(before, after, 1))
                .containsExactly(
                        "schedule.period: 20 → 5",
                        "schedule.weights: {} → (none)",
                        "schedule.weights.top: (none) → 2.0");
        assertThat(refused(job(), before, 1))
                .contains("schedule.policy: epochs → lisa", "schedule.groups: null → [top, bottom]");
        assertThat(JobChanges.fixedSha256(before)).isNotEqualTo(JobChanges.fixedSha256(after));
    }

    @Test
    void aRunsOwnConfigReadsBackToTheSameJob() {
        JobConfig job = job("schedule.events=[{epoch: 1, thaw: [bottom]}]");
        assertThat(JobFile.resolved("there/config.yaml", ResolvedYaml.write(job)))
                .isEqualTo(job);
    }

    /** A line that begins with the change, and may say why it is refused. */
    private static ThrowingConsumer<String> refusal(String change, String... facts) {
        return line -> assertThat(line).startsWith(change).satisfies(l -> {
            for (String fact : facts) {
                assertThat(l).contains(fact);
            }
        });
    }
}
