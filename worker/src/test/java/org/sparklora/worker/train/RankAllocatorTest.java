package org.sparklora.worker.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.FreezePlan;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.KeyedRandom;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.OptimizerStateOnThaw;
import org.sparklora.worker.contract.Padding;
import org.sparklora.worker.contract.ShardSum;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.lora.BudgetSchedule;
import org.sparklora.worker.lora.LoraVariant;
import org.sparklora.worker.lora.LoraVariants;

/** AdaLoRA's budget, masks and state, on gradients that depend on step and tensor only. */
class RankAllocatorTest {

    private static final int RANK = 4;
    private static final int STEPS = 20;
    private static final OptimizerSettings ADAM = new OptimizerSettings(
            0.01,
            new LearningRateSchedule(LearningRateSchedule.Type.CONSTANT, 0, STEPS),
            new AdamW(0.9, 0.999, 1e-8, 0.01),
            OptionalDouble.empty());

    private static LoraManifest manifest(Map<String, Integer> settings, String... groups) {
        TreeMap<String, Object> all = new TreeMap<>(settings);
        all.putAll(Map.of("peft_type", "ADALORA", "init_r", RANK, "target_r", 2));
        LoraVariant variant = LoraVariants.of(all).during(STEPS);
        List<LoraGroup> declared = Arrays.stream(groups)
                .map(name -> new LoraGroup(
                        name,
                        "",
                        List.of(new LoraModule(name + ".1", RANK, 8, 6, 5), new LoraModule(name + ".2", RANK, 8, 5, 6)),
                        GroupSettings.PLAIN))
                .toList();
        return new LoraManifest(
                variant, declared, BiasMode.NONE, List.of(new TensorSpec("head.weight", List.of(2, 3))), List.of());
    }

    /** A run that a test drives step by step. */
    private static final class Run {

        private TrainState state;
        private final List<RankAllocation> allocations = new ArrayList<>();
        private int step;

        Run(LoraManifest manifest, String... dormant) {
            Map<String, GroupState> states = new TreeMap<>();
            manifest.groups().forEach(group -> states.put(group.name(), GroupState.LIVE));
            Arrays.asList(dormant).forEach(group -> states.put(group, GroupState.DORMANT));
            state = new TrainState(manifest, FreezeState.of(states), first(manifest));
        }

        private static AdapterSnapshot first(LoraManifest manifest) {
            Map<String, float[]> values = new TreeMap<>(Map.of("head.weight", new float[6]));
            manifest.groups()
                    .forEach(group -> group.modules()
                            .forEach(module -> values.putAll(LoraVariant.of(manifest)
                                    .initialValues(module, group.settings(), 7, TinyModel.weight(module)))));
            return new AdapterSnapshot(values);
        }

        void to(int end) {
            while (step < end) {
                FreezePlan plan = new FreezePlan(state.manifest(), state.freeze(), tensor -> 0);
                StepReport report = new TrainStep(state, plan, ADAM).run(step, 0, (k, trainable) -> sum(plan));
                if (report.ranks() != null) {
                    allocations.add(report.ranks());
                }
                step++;
            }
        }

        private ShardSum sum(FreezePlan plan) {
            float[] gradient = new float[plan.trainableParameters()];
            plan.slots().forEach(slot -> {
                long key = KeyedRandom.key(step, slot.tensor().name());
                for (int i = 0; i < slot.tensor().size(); i++) {
                    gradient[slot.offset() + i] = (float) KeyedRandom.gaussian(key, i);
                }
            });
            return new ShardSum(1, 1, 1, Padding.NONE, gradient);
        }

        /** Triplets of a module whose E is not zero. */
        int kept(String module) {
            float[] e = state.snapshot().view(module + ".lora_E");
            return (int) IntStream.range(0, e.length).filter(i -> e[i] != 0).count();
        }

        RankAllocation last() {
            return allocations.get(allocations.size() - 1);
        }
    }

    /** Values of PEFT's budget_schedule. */
    @Test
    void theBudgetFollowsPeft() {
        BudgetSchedule long100 = new BudgetSchedule(12, 8, 10, 10, 80);
        assertThat(IntStream.range(0, 10).mapToObj(i -> long100.at(10L * i, 24)))
                .containsExactly(288, 288, 252, 226, 209, 199, 194, 192, 192, 192);
        BudgetSchedule toOne = new BudgetSchedule(9, 1, 0, 1, 27);
        assertThat(IntStream.range(0, 14).mapToObj(i -> toOne.at(2L * i, 3)))
                .containsExactly(27, 22, 17, 14, 11, 8, 7, 5, 4, 3, 3, 3, 3, 3);
        assertThat(IntStream.range(0, 100).filter(long100::allocates)).containsExactly(20, 30, 40, 50, 60, 70, 80);
        assertThat(long100.inForce(29, 24)).isEqualTo(long100.at(20, 24));
        assertThat(long100.inForce(99, 24)).isEqualTo(8 * 24);
    }

    @Test
    void modulesKeepTheBudgetTogether() {
        Run run = new Run(manifest(Map.of("tinit", 3, "tfinal", 5), "a", "b"));
        run.to(4);
        assertThat(run.allocations).isEmpty();
        run.to(STEPS);
        assertThat(run.allocations)
                .hasSizeGreaterThan(3)
                .allSatisfy(ranks -> assertThat(ranks.kept().values().stream()
                                .mapToInt(Integer::intValue)
                                .sum())
                        .isEqualTo(ranks.budget()));
        assertThat(run.last().budget()).isEqualTo(8);
        run.last()
                .kept()
                .forEach((module, kept) ->
                        assertThat(run.kept(module)).as(module).isEqualTo(kept));
    }

    /** Between two allocations E trains freely, and moments live on; after the last one the masks hold. */
    @Test
    void tripletsComeBackBetweenAllocations() {
        Run run = new Run(manifest(Map.of("deltaT", 4, "tfinal", 5), "a"));
        run.to(13);
        int kept = run.kept("a.1") + run.kept("a.2");
        assertThat(kept).isEqualTo(run.last().budget()).isLessThan(2 * RANK);
        run.to(14);
        assertThat(run.kept("a.1") + run.kept("a.2")).isEqualTo(2 * RANK);
        run.to(STEPS);
        assertThat(run.kept("a.1") + run.kept("a.2")).isEqualTo(4);
    }

    @Test
    void aFrozenGroupKeepsItsMasksAndItsShare() {
        Run run = new Run(manifest(Map.of("deltaT", 4, "tfinal", 2), "a", "b"));
        run.to(6);
        int share = run.last().kept().getOrDefault("b.1", 0) + run.last().kept().getOrDefault("b.2", 0);
        run.state.freeze("b");
        assertThat(run.kept("b.1") + run.kept("b.2")).isEqualTo(share);
        AdapterSnapshot before = run.state.snapshot().only(name -> name.startsWith("b."));
        run.to(STEPS);
        assertThat(run.state.snapshot().only(name -> name.startsWith("b."))).isEqualTo(before);
        assertThat(run.kept("a.1") + run.kept("a.2") + share)
                .isEqualTo(run.last().budget())
                .isEqualTo(8);
    }

    @Test
    void aGroupThatThawsHasAllTripletsUntilTheNextAllocation() {
        LoraManifest manifest = manifest(Map.of("tinit", 1, "deltaT", 3, "tfinal", 2), "a", "b");
        Run run = new Run(manifest, "b");
        run.to(7);
        assertThat(run.last().kept()).containsOnlyKeys("a.1", "a.2");
        run.state.thaw("b", OptimizerStateOnThaw.KEEP, Run.first(manifest));
        run.to(9);
        assertThat(run.kept("b.1") + run.kept("b.2")).isEqualTo(2 * RANK);
        run.to(10);
        assertThat(run.last().kept()).containsOnlyKeys("a.1", "a.2", "b.1", "b.2");
        assertThat(run.last().budget()).isEqualTo(new BudgetSchedule(RANK, 2, 1, 3, 18).at(9, 4));
        assertThat(run.kept("a.1") + run.kept("a.2") + run.kept("b.1") + run.kept("b.2"))
                .isEqualTo(run.last().budget());
    }

    @Test
    void aDormantGroupChangesNothing() {
        Map<String, Integer> settings = Map.of("tinit", 1, "tfinal", 2);
        Run without = new Run(manifest(settings, "a"));
        Run with = new Run(manifest(settings, "a", "b"), "b");
        without.to(STEPS);
        with.to(STEPS);
        assertThat(with.state.snapshot()).isEqualTo(without.state.snapshot());
        assertThat(with.allocations).isEqualTo(without.allocations);
    }

    /** Importance and masks survive a checkpoint after any step. */
    @Test
    void aRestoredStateGoesOnWithTheSameBits() {
        LoraManifest manifest = manifest(Map.of("tinit", 1, "deltaT", 3, "tfinal", 4), "a", "b");
        Run whole = new Run(manifest);
        whole.to(STEPS);
        Run restored = new Run(manifest);
        for (int step = 1; step <= STEPS; step++) {
            restored.to(step);
            byte[] stored = TrainStateCodec.encode(restored.state.capture());
            restored.state = TrainState.restore(manifest, TrainStateCodec.decodeState(stored));
            assertThat(TrainStateCodec.encode(restored.state.capture())).isEqualTo(stored);
        }
        assertThat(restored.state.capture()).isEqualTo(whole.state.capture());
        assertThat(restored.allocations).isEqualTo(whole.allocations);
    }

    @Test
    void theOrthogonalityTermsGradientIsItsDerivative() {
        LoraManifest manifest = manifest(Map.of(), "a", "b");
        TrainState state = new Run(manifest, "b").state;
        FreezePlan plan = new FreezePlan(manifest, state.freeze(), tensor -> 0);
        RankAllocator ranks = state.ranks().orElseThrow();
        float[] gradient = new float[plan.trainableParameters()];
        float term = ranks.addOrthogonality(state, plan, gradient);
        // A and B are small at first, so that each product is near zero and each distance near √r.
        assertThat(term).isCloseTo(0.5f * 2, within(0.01f));
        plan.slots().forEach(slot -> {
            float[] values = state.mutableValues(slot.tensor().name());
            for (int i = 0; i < values.length; i++) {
                float at = values[i];
                values[i] = at + 0.05f;
                double above = ranks.addOrthogonality(state, plan, new float[gradient.length]);
                values[i] = at - 0.05f;
                double below = ranks.addOrthogonality(state, plan, new float[gradient.length]);
                values[i] = at;
                assertThat((double) gradient[slot.offset() + i])
                        .as(slot.tensor().name() + " " + i)
                        .isCloseTo((above - below) / 0.1, within(2e-4));
            }
        });
        assertThat(Objects.requireNonNull(plan.slotsByGroup().get("head")))
                .allSatisfy(slot -> assertThat(gradient[slot.offset()]).isZero());
    }
}
