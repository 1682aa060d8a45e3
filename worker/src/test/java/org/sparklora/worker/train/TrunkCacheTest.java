package org.sparklora.worker.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDManager;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.CachePlan;
import org.sparklora.worker.contract.DropoutRates;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.Kernel;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.ShardSum;
import org.sparklora.worker.contract.StoredType;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.engine.Graph;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.lora.AdapterRegistry;
import org.sparklora.worker.lora.LoraVariant;
import org.sparklora.worker.lora.LoraVariants;
import org.sparklora.worker.lora.PlainLora;

/** A pass from what was kept of the frozen prefix gives what the whole pass gives. */
class TrunkCacheTest {

    private static final GroupSettings DROPPING = new GroupSettings(0.3, false, 1.0, 0);
    private static final DropoutRates DROPOUT = new DropoutRates(0.1, 0.1, 0.1);
    private static final int HEAD = 14;

    /** Groups on the layers 0 and 3, which have trained, and on the layers 9 and 11. */
    private static final LoraManifest MANIFEST = manifest(PlainLora.INSTANCE);

    private static LoraManifest manifest(LoraVariant variant) {
        return TinyModel.manifest(
                variant,
                TinyModel.group(0, DROPPING),
                TinyModel.group(3, DROPPING),
                TinyModel.group(9, DROPPING),
                TinyModel.group(11, DROPPING));
    }

    /** Each variant with each of these layer indices as the lowest that trains. */
    static Stream<Arguments> variants() {
        return LoraVariants.all().stream()
                .flatMap(variant -> Stream.of(4, 10, 12, HEAD).map(lowest -> Arguments.of(variant, lowest)));
    }

    private static EpochPlan plan(int lowest, CachePlan cache) {
        return plan(MANIFEST, lowest, cache);
    }

    private static EpochPlan plan(LoraManifest manifest, int lowest, CachePlan cache) {
        Map<String, GroupState> states = new java.util.TreeMap<>();
        for (int layer : new int[] {0, 3, 9, 11}) {
            states.put(TinyModel.name(layer), layer + 1 < lowest ? GroupState.FROZEN : GroupState.LIVE);
        }
        FreezeState freeze = TinyModel.freeze(manifest, states);
        EpochPlan plain = TinyModel.plan(manifest, freeze, TinyModel.values(manifest));
        return new EpochPlan(plain.epoch(), plain.freezePlan(), plain.shards(), plain.snapshot(), cache);
    }

    private static CachePlan kept(int stage) {
        return new CachePlan(stage, StoredType.FLOAT32, "digest of " + stage, "test");
    }

    private static ShardSum sum(EpochPlan plan, List<Batch> pieces) {
        ShardPass pass = new ShardPass(TinyModel.BASE, TinyModel.HEAD, TinyModel.settings(DROPOUT), plan);
        return pass.sum(plan.freezePlan().flatten(plan.snapshot()), 2, 0, pieces);
    }

    private static Batch keptBatch(EpochPlan plan, List<Example> rows) {
        return StoredStates.batch(TinyModel.BASE, TinyModel.HEAD, plan, rows);
    }

    /** With all dropout on: the masks above the prefix are the same. */
    @ParameterizedTest
    @MethodSource("variants")
    void lossAndGradientAreThoseOfTheWholePass(LoraVariant variant, int lowest) {
        List<Example> rows = TinyModel.examples(7, lowest);
        EpochPlan kept = plan(manifest(variant), lowest, kept(lowest));
        ShardSum fromKept = sum(kept, List.of(keptBatch(kept, rows)));
        ShardSum whole = sum(plan(manifest(variant), lowest, CachePlan.off("test")), List.of(Batch.of(rows, 0)));
        assertThat(fromKept.loss()).isCloseTo(whole.loss(), org.assertj.core.data.Percentage.withPercentage(1e-4));
        double norm = 0;
        double difference = 0;
        for (int i = 0; i < whole.gradient().length; i++) {
            double wanted = whole.gradient()[i];
            norm += wanted * wanted;
            difference += (wanted - fromKept.gradient()[i]) * (wanted - fromKept.gradient()[i]);
        }
        assertThat(norm).isPositive();
        assertThat(Math.sqrt(difference / norm)).isLessThan(1e-5);
    }

    @Test
    void theSameRowsAreKeptWhateverPaddingTheyMeetLater() {
        EpochPlan plan = plan(10, kept(10));
        List<Example> rows = TinyModel.examples(40, 5);
        float[][] once = run(plan, rows);
        float[][] again = run(plan, rows);
        assertThat(again).isDeepEqualTo(once);
        for (int i = 0; i < rows.size(); i++) {
            assertThat(once[i]).hasSize(rows.get(i).length() * TinyModel.HIDDEN);
        }
    }

    @Test
    void aboveTheLastLayerOneVectorARowIsKept() {
        assertThat(List.of(run(plan(HEAD, kept(HEAD)), TinyModel.examples(3, 1))))
                .allSatisfy(vectors -> assertThat(vectors).hasSize(TinyModel.HIDDEN));
    }

    private static float[][] run(EpochPlan plan, List<Example> rows) {
        float[][] all = new float[rows.size()][];
        new TrunkPass(TinyModel.BASE, TinyModel.HEAD, plan, 0)
                .run(
                        Shard.of(0, rows),
                        (position, values, from, count) ->
                                all[position] = Arrays.copyOfRange(values, from, from + count));
        return all;
    }

    /** Validation: in the same batches, not a bit differs. */
    @ParameterizedTest
    @MethodSource("variants")
    void logitsHaveTheBitsOfTheWholePass(LoraVariant variant, int lowest) {
        List<Example> rows = TinyModel.examples(9, 3);
        EpochPlan kept = plan(manifest(variant), lowest, kept(lowest));
        Shard shard = Shard.of(0, rows);
        List<Example> inOrder = shard.examples(shard.batchesByLength().get(0));
        float[] fromKept = logits(kept, keptBatch(kept, inOrder));
        float[] whole = logits(plan(manifest(variant), lowest, CachePlan.off("test")), Batch.of(inOrder, 0));
        assertThat(fromKept).isEqualTo(whole);
    }

    private static AdaptedModel model(NDManager manager, EpochPlan plan, boolean training) {
        return new AdaptedModel(manager, TinyModel.BASE, TinyModel.HEAD, plan.freezePlan(), plan.snapshot(), training);
    }

    private static float[] logits(EpochPlan plan, Batch batch) {
        Torch.prepareThread();
        try (NDManager manager = Torch.newManager()) {
            AdaptedModel model = model(manager, plan, false);
            return Tensors.toFloats(model.logits(batch, Tokens.of(manager, batch), plan.cache()));
        }
    }

    @Test
    void whatWasKeptOfOtherValuesIsNeverUsed() {
        List<Example> rows = TinyModel.examples(4, 1);
        EpochPlan before = plan(10, kept(10));
        Batch stale = keptBatch(before, rows);
        EpochPlan after = plan(10, new CachePlan(10, StoredType.FLOAT32, "another digest", "test"));
        assertThatThrownBy(() -> sum(after, List.of(stale)))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("layer index 10 needs the activations another digest")
                .hasMessageContaining("the batch has digest of 10");
        assertThatThrownBy(() -> sum(before, List.of(Batch.of(rows, 0))))
                .hasMessageContaining("layer index 10")
                .hasMessageContaining("the batch has no activations");
        EpochPlan lower = plan(10, new CachePlan(4, StoredType.FLOAT32, "digest of 10", "test"));
        assertThatThrownBy(() -> sum(lower, List.of(stale)))
                .hasMessageContaining("layer index 10 needs the activations");
    }

    @Test
    void paddingIsZeroAndNotWhatTheBufferHeldBefore() {
        List<Example> rows = new ArrayList<>(TinyModel.examples(1, 2));
        rows.add(new Example(new int[] {2, 3}, 2, 0, 1, 9));
        EpochPlan plan = plan(10, kept(10));
        Batch batch = keptBatch(plan, rows);
        Torch.prepareThread();
        try (NDManager manager = Torch.newManager()) {
            Tensors.floats(
                    manager,
                    4096,
                    target -> {
                        while (target.hasRemaining()) {
                            target.put(Float.NaN);
                        }
                    },
                    4096);
            AdaptedModel model = model(manager, plan, true);
            float[] entering =
                    Tensors.toFloats(model.trunkActivations(10, batch, Tokens.of(manager, batch), plan.cache())
                            .array());
            FloatBuffer second = FloatBuffer.allocate(2 * TinyModel.HIDDEN);
            batch.trunk().orElseThrow().copy(1, second);
            int start = batch.length() * TinyModel.HIDDEN;
            assertThat(Arrays.copyOfRange(entering, start, start + second.capacity()))
                    .isEqualTo(second.array());
            assertThat(Arrays.copyOfRange(entering, start + second.capacity(), entering.length))
                    .containsOnly(0f);
        }
    }

    @Test
    void theDigestNamesWhatLiesBelowAndNothingElse() {
        AdapterSnapshot values = TinyModel.values(MANIFEST);
        String digest = digest("base", 10, StoredType.FLOAT32, values);
        assertThat(digest).hasSize(64).isEqualTo(digest("base", 10, StoredType.FLOAT32, changed(values, 9)));
        assertThat(List.of(
                        digest("other base", 10, StoredType.FLOAT32, values),
                        digest("base", 4, StoredType.FLOAT32, values),
                        digest("base", 10, StoredType.FLOAT16, values),
                        digest("base", 10, StoredType.FLOAT32, changed(values, 3))))
                .doesNotHaveDuplicates()
                .doesNotContain(digest);
    }

    private static String digest(String source, int stage, StoredType precision, AdapterSnapshot values) {
        return TrunkPass.digest(source, TinyModel.BASE.encoder(), stage, precision, values);
    }

    private static AdapterSnapshot changed(AdapterSnapshot values, int layer) {
        String name = MANIFEST.tensors(TinyModel.name(layer)).get(0).name();
        float[] other = values.values(name);
        other[0] = Math.nextUp(other[0]);
        return values.with(new AdapterSnapshot(Map.of(name, other)));
    }

    @Test
    void anAdapterReachesTheEngineWhenItIsAskedFor() {
        Torch.prepareThread();
        EpochPlan plan = plan(12, kept(12));
        try (NDManager manager = Torch.newManager()) {
            AdapterRegistry adapters = new AdapterRegistry(
                    Graph.of(manager, Kernel.ONEDNN, true), MANIFEST, plan.freeze(), plan.snapshot());
            assertThat(manager.getManagedArrays()).isEmpty();
            assertThat(adapters.layer("bert.encoder.layer.11.attention.self.query"))
                    .isPresent();
            assertThat(manager.getManagedArrays()).hasSize(3);
            assertThat(adapters.layer("bert.encoder.layer.5.attention.self.query"))
                    .isEmpty();
            assertThat(adapters.layers()).hasSize(8);
            assertThat(manager.getManagedArrays()).hasSize(24);
        }
    }
}
