package org.sparklora.worker.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.DropoutRates;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.FreezePlan.Slot;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.ShardSum;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.lora.LoraVariant;

class ShardPassTest {

    private static final GroupSettings DROPPING = new GroupSettings(0.3, false, 1.0, 0);

    private static Batch batch(int rows, int key) {
        return Batch.of(TinyModel.examples(rows, key), 0);
    }

    private static ShardPass pass(EpochPlan plan, DropoutRates dropout) {
        return new ShardPass(TinyModel.BASE, TinyModel.HEAD, TinyModel.settings(dropout), plan);
    }

    private static ShardSum sum(LoraManifest manifest, FreezeState freeze, DropoutRates dropout, int step) {
        AdapterSnapshot values = TinyModel.values(manifest);
        ShardPass pass = pass(TinyModel.plan(manifest, freeze, values), dropout);
        return pass.sum(TinyModel.freezePlan(manifest, freeze).flatten(values), step, 0, List.of(batch(5, 1)));
    }

    @Test
    void gradientEqualsFiniteDifferences() {
        LoraManifest manifest =
                TinyModel.manifest(TinyModel.group(3, GroupSettings.PLAIN), TinyModel.group(11, GroupSettings.PLAIN));
        FreezeState freeze = TinyModel.freeze(manifest, Map.of());
        AdapterSnapshot values = TinyModel.values(manifest);
        ShardPass pass = pass(TinyModel.plan(manifest, freeze, values), DropoutRates.NONE);
        List<Batch> batch = List.of(batch(5, 1));
        float[] live = TinyModel.freezePlan(manifest, freeze).flatten(values);
        float[] gradient = pass.sum(live, 0, 0, batch).gradient();
        for (Slot slot : TinyModel.freezePlan(manifest, freeze).slots()) {
            // Along the gradient itself, because single elements are of the size of float32 rounding.
            int end = slot.offset() + slot.tensor().size();
            double norm = 0;
            for (int i = slot.offset(); i < end; i++) {
                norm += (double) gradient[i] * gradient[i];
            }
            norm = Math.sqrt(norm);
            double h = 1e-2 / Math.max(1.0, norm);
            float[] up = live.clone();
            float[] down = live.clone();
            for (int i = slot.offset(); i < end; i++) {
                up[i] += (float) (h * gradient[i] / norm);
                down[i] -= (float) (h * gradient[i] / norm);
            }
            double difference = (pass.sum(up, 0, 0, batch).loss()
                            - pass.sum(down, 0, 0, batch).loss())
                    / (2 * h);
            assertThat(difference).as(slot.tensor().name()).isCloseTo(norm, Offset.offset(0.02 * norm + 1e-3));
        }
    }

    @ParameterizedTest
    @MethodSource("org.sparklora.worker.lora.LoraVariants#all")
    void aDormantGroupChangesNoBit(LoraVariant variant) {
        LoraManifest without = TinyModel.manifest(variant, TinyModel.group(11, DROPPING));
        LoraManifest with = TinyModel.manifest(variant, TinyModel.group(0, DROPPING), TinyModel.group(11, DROPPING));
        DropoutRates dropout = new DropoutRates(0.1, 0.1, 0.1);
        ShardSum a = sum(without, TinyModel.freeze(without, Map.of()), dropout, 4);
        ShardSum b = sum(with, TinyModel.freeze(with, Map.of(TinyModel.name(0), GroupState.DORMANT)), dropout, 4);
        assertThat(b.gradient()).isEqualTo(a.gradient());
        assertThat(b.loss()).isEqualTo(a.loss());
    }

    @ParameterizedTest
    @MethodSource("org.sparklora.worker.lora.LoraVariants#all")
    void aFrozenGroupCountsInTheForwardPassOnly(LoraVariant variant) {
        LoraManifest manifest = TinyModel.manifest(
                variant, TinyModel.group(0, GroupSettings.PLAIN), TinyModel.group(11, GroupSettings.PLAIN));
        FreezeState live = TinyModel.freeze(manifest, Map.of());
        FreezeState frozen = TinyModel.freeze(manifest, Map.of(TinyModel.name(0), GroupState.FROZEN));
        FreezeState dormant = TinyModel.freeze(manifest, Map.of(TinyModel.name(0), GroupState.DORMANT));
        ShardSum whenLive = sum(manifest, live, DropoutRates.NONE, 0);
        ShardSum whenFrozen = sum(manifest, frozen, DropoutRates.NONE, 0);
        ShardSum whenDormant = sum(manifest, dormant, DropoutRates.NONE, 0);
        // Not to the bit: a frozen pair is merged into its weight where that is cheaper.
        assertThat(whenFrozen.loss()).isCloseTo(whenLive.loss(), Offset.offset(1e-5));
        assertThat(Math.abs(whenDormant.loss() - whenLive.loss())).isGreaterThan(1e-3);
        assertThat(whenFrozen.gradient()).hasSize(whenLive.gradient().length / 2 + 33);
        assertThat(TinyModel.freezePlan(manifest, frozen).slots())
                .noneMatch(slot -> slot.group().equals(TinyModel.name(0)));
    }

    @ParameterizedTest
    @MethodSource("org.sparklora.worker.lora.LoraVariants#all")
    void nothingBelowTheLowestLiveLayerDropsOut(LoraVariant variant) {
        LoraManifest manifest =
                TinyModel.manifest(variant, TinyModel.group(0, DROPPING), TinyModel.group(11, DROPPING));
        // Only the head is live: everything else is prefix, whatever the rates say.
        FreezeState headOnly = TinyModel.freeze(
                manifest, Map.of(TinyModel.name(0), GroupState.FROZEN, TinyModel.name(11), GroupState.FROZEN));
        ShardSum quiet = sum(manifest, headOnly, DropoutRates.NONE, 0);
        ShardSum same = sum(manifest, headOnly, new DropoutRates(0.5, 0.5, 0.0), 0);
        assertThat(same.gradient()).isEqualTo(quiet.gradient());
        assertThat(sum(manifest, headOnly, new DropoutRates(0.0, 0.0, 0.5), 0).loss())
                .isNotEqualTo(quiet.loss());
    }

    @ParameterizedTest
    @MethodSource("org.sparklora.worker.lora.LoraVariants#all")
    void dropoutHangsOnTheStepAndOnNothingElse(LoraVariant variant) {
        LoraManifest manifest = TinyModel.manifest(variant, TinyModel.group(11, DROPPING));
        FreezeState freeze = TinyModel.freeze(manifest, Map.of());
        DropoutRates dropout = new DropoutRates(0.1, 0.1, 0.1);
        ShardSum first = sum(manifest, freeze, dropout, 0);
        assertThat(sum(manifest, freeze, dropout, 0).gradient()).isEqualTo(first.gradient());
        assertThat(sum(manifest, freeze, dropout, 1).gradient()).isNotEqualTo(first.gradient());
    }

    @Test
    void aShardWithoutRowsAddsZero() {
        LoraManifest manifest = TinyModel.manifest(TinyModel.group(11, GroupSettings.PLAIN));
        AdapterSnapshot values = TinyModel.values(manifest);
        FreezeState freeze = TinyModel.freeze(manifest, Map.of());
        ShardPass pass = pass(TinyModel.plan(manifest, freeze, values), DropoutRates.NONE);
        ShardSum none = pass.sum(TinyModel.freezePlan(manifest, freeze).flatten(values), 0, 0, List.of());
        assertThat(none.examples()).isZero();
        assertThat(none.gradient()).containsOnly(0f);
    }

    @ParameterizedTest
    @MethodSource("org.sparklora.worker.lora.LoraVariants#all")
    void manyThreadsGiveTheBitsOfOne(LoraVariant variant) throws Exception {
        LoraManifest manifest =
                TinyModel.manifest(variant, TinyModel.group(0, DROPPING), TinyModel.group(11, DROPPING));
        FreezeState freeze = TinyModel.freeze(manifest, Map.of());
        AdapterSnapshot values = TinyModel.values(manifest);
        ShardPass pass = pass(TinyModel.plan(manifest, freeze, values), new DropoutRates(0.1, 0.1, 0.1));
        float[] live = TinyModel.freezePlan(manifest, freeze).flatten(values);
        List<List<Batch>> work = new ArrayList<>();
        List<float[]> alone = new ArrayList<>();
        for (int i = 0; i < 24; i++) {
            List<Example> rows = TinyModel.examples(3 + i % 4, 100 + i);
            work.add(List.of(Batch.of(rows, 0)));
            alone.add(pass.sum(live, i, 0, work.get(i)).gradient());
        }
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            List<Callable<float[]>> calls = new ArrayList<>();
            for (int i = 0; i < work.size(); i++) {
                int mine = i;
                calls.add(() -> pass.sum(live, mine, 0, work.get(mine)).gradient());
            }
            List<Future<float[]>> together = threads.invokeAll(calls, 120, TimeUnit.SECONDS);
            for (int i = 0; i < calls.size(); i++) {
                assertThat(together.get(i).get()).as("batch " + i).isEqualTo(alone.get(i));
            }
        } finally {
            threads.shutdownNow();
        }
    }
}
