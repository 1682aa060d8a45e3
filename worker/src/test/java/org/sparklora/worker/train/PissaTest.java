package org.sparklora.worker.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.ndarray.NDManager;
import java.nio.DoubleBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.Arithmetic;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.Kernel;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.OptimizerStateOnThaw;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.contract.StoredType;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.engine.Variable;
import org.sparklora.worker.lora.LoraVariant;
import org.sparklora.worker.lora.Pissa;
import org.sparklora.worker.lora.PlainLora;
import org.sparklora.worker.machine.Machine;
import org.sparklora.worker.safetensors.HalfFloats;
import org.sparklora.worker.safetensors.SafetensorsFile;

/** What PiSSA does to the weights. The decomposition itself is the driver's, see LapackSvdTest there. */
class PissaTest {

    private static final GroupSettings RSLORA = new GroupSettings(0.0, true, 1.0, 0);
    private static final LoraGroup TOP = TinyModel.group(11, GroupSettings.PLAIN);
    private static final LoraGroup BOTTOM = TinyModel.group(3, RSLORA);
    private static final LoraManifest BOTH = manifest(new Pissa("pissa"));
    private static final AdapterSnapshot FIRST = first(BOTH);
    private static final LoraModule QUERY = BOTTOM.modules().get(0);
    private static final String WEIGHT = QUERY.path() + ".weight";

    @BeforeAll
    static void oneThread() {
        Torch.prepareThread();
    }

    private static LoraManifest manifest(LoraVariant variant) {
        LoraManifest plain = TinyModel.manifest(BOTTOM, TOP);
        return new LoraManifest(variant, plain.groups(), BiasMode.NONE, plain.head(), List.of());
    }

    /** Values at the first thaw, with a head that is not zero. */
    private static AdapterSnapshot first(LoraManifest manifest) {
        ParameterInitializer initializer = new ParameterInitializer(
                TinyModel.BASE, manifest, 7, AdapterSnapshot.EMPTY, TinyModel.SVD, Optional.empty());
        return TinyModel.values(manifest)
                .only(name -> name.startsWith("classifier."))
                .with(initializer.of(BOTTOM.name()))
                .with(initializer.of(TOP.name()));
    }

    private static FreezeState states(GroupState bottom, GroupState top) {
        return FreezeState.of(Map.of(BOTTOM.name(), bottom, TOP.name(), top));
    }

    private static AdaptedModel model(NDManager manager, BaseModel base, FreezeState states) {
        return new AdaptedModel(manager, base, TinyModel.HEAD, TinyModel.freezePlan(BOTH, states), FIRST, false);
    }

    private static float[] logits(BaseModel base, FreezeState states) {
        try (NDManager manager = Torch.newManager()) {
            Batch batch = Batch.of(TinyModel.examples(6, 1), 0);
            return Tensors.toFloats(model(manager, base, states).logits(Tokens.of(manager, batch)));
        }
    }

    private static float[] weight(BaseModel base, FreezeState states) {
        try (NDManager manager = Torch.newManager()) {
            return Tensors.toFloats(model(manager, base, states)
                    .get(WEIGHT)
                    .to(Precision.FLOAT32)
                    .array());
        }
    }

    @Test
    void aThawChangesTheOutputByRoundingOnly() {
        float[] dormant = logits(TinyModel.BASE, states(GroupState.DORMANT, GroupState.DORMANT));
        float[] live = logits(TinyModel.BASE, states(GroupState.LIVE, GroupState.LIVE));
        for (int i = 0; i < live.length; i++) {
            assertThat(live[i]).isCloseTo(dormant[i], Offset.offset(2e-5f));
        }
        assertThat(live).isNotEqualTo(dormant);
    }

    @Test
    void aDormantGroupHasTheWeightsOfTheBaseAndAFrozenOneTheResidual() {
        float[] base = Tensors.toFloats(TinyModel.BASE.weight(WEIGHT));
        assertThat(weight(TinyModel.BASE, states(GroupState.DORMANT, GroupState.LIVE)))
                .isEqualTo(base);
        float[] residual = weight(TinyModel.BASE, states(GroupState.FROZEN, GroupState.LIVE));
        assertThat(weight(TinyModel.BASE, states(GroupState.LIVE, GroupState.LIVE)))
                .isEqualTo(residual);
        double scaling = QUERY.scaling(true);
        float[] a = FIRST.view(QUERY.loraA());
        float[] b = FIRST.view(QUERY.loraB());
        for (int i = 0; i < base.length; i++) {
            double product = 0;
            for (int k = 0; k < QUERY.loraRank(); k++) {
                product += (double) b[i / TinyModel.HIDDEN * QUERY.loraRank() + k]
                        * a[k * TinyModel.HIDDEN + i % TinyModel.HIDDEN];
            }
            assertThat(residual[i]).isEqualTo((float) (base[i] - scaling * product));
        }
    }

    /** Not the difference of a rounded weight. */
    @Test
    void inBfloat16TheResidualIsRoundedOnce() {
        assumeTrue(Machine.hardware().hasBfloat16(), "this processor has no instructions for bfloat16");
        BaseModel rounded = BaseModel.shared(
                TinyModel.BASE.directory(), HeadInput.FIRST_TOKEN, new Arithmetic(Kernel.ONEDNN, Precision.BFLOAT16));
        FreezeState live = states(GroupState.LIVE, GroupState.LIVE);
        float[] residual = weight(TinyModel.BASE, live);
        float[] half = weight(rounded, live);
        for (int i = 0; i < half.length; i++) {
            assertThat(half[i]).isEqualTo(HalfFloats.fromBf16(HalfFloats.toBf16(residual[i])));
        }
    }

    /** A third run takes the array of the first, whose pass goes on. */
    @Test
    void aPassKeepsItsResidualWhateverOtherRunsAskFor() {
        FreezeState live = states(GroupState.LIVE, GroupState.LIVE);
        float[] before = weight(TinyModel.BASE, live);
        try (BaseModel base = BaseModel.open(TinyModel.BASE.directory());
                NDManager manager = Torch.newManager()) {
            Variable running = model(manager, base, live).get(WEIGHT);
            for (int run = 0; run < 3; run++) {
                AdapterSnapshot other = FIRST.with(new AdapterSnapshot(Map.of(
                        QUERY.loraA() + ".taken",
                        new float[4 * TinyModel.HIDDEN],
                        QUERY.loraB() + ".taken",
                        filled(4 * TinyModel.HIDDEN, run))));
                try (NDManager others = Torch.newManager()) {
                    AdaptedModel model = new AdaptedModel(
                            others, base, TinyModel.HEAD, TinyModel.freezePlan(BOTH, live), other, false);
                    assertThat(Tensors.toFloats(model.get(WEIGHT).array()))
                            .isEqualTo(Tensors.toFloats(base.weight(WEIGHT)));
                }
            }
            assertThat(Tensors.toFloats(running.array())).isEqualTo(before);
            assertThat(weight(base, live)).isEqualTo(before);
        }
    }

    private static float[] filled(int count, float value) {
        float[] values = new float[count];
        Arrays.fill(values, value);
        return values;
    }

    /** The trunk activations above it are computed again, although its output is almost the same. */
    @Test
    void aThawChangesTheDigestOfTheTrunk() {
        EpochPlan before = TinyModel.plan(BOTH, states(GroupState.DORMANT, GroupState.LIVE), FIRST);
        EpochPlan after = TinyModel.plan(BOTH, states(GroupState.FROZEN, GroupState.LIVE), FIRST);
        assertThat(digest(after.snapshot())).isNotEqualTo(digest(before.snapshot()));
        float[] other = FIRST.values(QUERY.loraB() + ".taken");
        other[0] = Math.nextUp(other[0]);
        assertThat(digest(after.snapshot().with(new AdapterSnapshot(Map.of(QUERY.loraB() + ".taken", other)))))
                .isNotEqualTo(digest(after.snapshot()));
    }

    private static String digest(AdapterSnapshot values) {
        return TrunkPass.digest("base", TinyModel.BASE.encoder(), 12, StoredType.FLOAT32, values);
    }

    @Test
    void aCheckpointHoldsWhatWasTakenAndADormantGroupHoldsNothing() {
        TrainState state = new TrainState(BOTH, states(GroupState.DORMANT, GroupState.LIVE), FIRST);
        assertThat(state.snapshot().names()).noneMatch(name -> name.startsWith(QUERY.path()));
        state.thaw(BOTTOM.name(), OptimizerStateOnThaw.KEEP, FIRST);
        state.freeze(BOTTOM.name());
        TrainStateSnapshot stored = TrainStateCodec.decodeState(TrainStateCodec.encode(state.capture()));
        TrainState restored = TrainState.restore(BOTH, stored);
        assertThat(restored.snapshot()).isEqualTo(FIRST);
        restored.thaw(BOTTOM.name(), OptimizerStateOnThaw.FRESH, AdapterSnapshot.EMPTY);
        assertThat(restored.snapshot()).isEqualTo(FIRST);
        assertThat(restored.moments(QUERY.loraA() + ".taken").first()).isEmpty();
    }

    /** Against W + scaling · B A of the residual, with other values than the first. */
    @Test
    void theSavedAdapterIsPlainAndTheSameModel() {
        AdapterSnapshot trained = FIRST.with(TinyModel.values(manifest(PlainLora.INSTANCE)));
        LoraVariant.Saved saved = LoraVariant.of(BOTH).saved(BOTH, trained);
        assertThat(saved.manifest().variant()).isEqualTo(PlainLora.INSTANCE);
        assertThat(saved.values().names())
                .isEqualTo(TinyModel.values(manifest(PlainLora.INSTANCE)).names());
        FreezeState frozen = states(GroupState.FROZEN, GroupState.FROZEN);
        float[] residual = weight(TinyModel.BASE, frozen);
        double[] expected = merged(PlainLora.INSTANCE, QUERY, trained, residual);
        LoraModule plain =
                saved.manifest().group(BOTTOM.name()).orElseThrow().modules().get(0);
        assertThat(plain.loraRank()).isEqualTo(8);
        assertThat(plain.scaling(true)).isCloseTo(QUERY.scaling(true), Offset.offset(1e-15));
        float[] base = Tensors.toFloats(TinyModel.BASE.weight(WEIGHT));
        double[] ours = merged(PlainLora.INSTANCE, plain, saved.values(), base);
        double[] direct = merged(LoraVariant.of(BOTH), QUERY, trained, base);
        for (int i = 0; i < base.length; i++) {
            assertThat(ours[i]).isCloseTo(expected[i], Offset.offset(1e-7));
            assertThat(direct[i]).isEqualTo(ours[i]);
        }
    }

    @Test
    void theSavedAdapterIsThatOfPeftsConversion() {
        Path golden = Path.of(System.getProperty("project.root", ".."), "worker/src/test/resources/golden/cases/pissa");
        Map<String, float[]> first = tensors(golden.resolve("init.safetensors"));
        Map<String, float[]> values = new TreeMap<>(tensors(golden.resolve("final.safetensors")));
        List<LoraModule> modules = new ArrayList<>();
        for (String name : first.keySet()) {
            if (name.endsWith(LoraModule.A)) {
                String path = name.substring(0, name.length() - LoraModule.A.length());
                modules.add(new LoraModule(path, 4, 8, TinyModel.HIDDEN, TinyModel.HIDDEN));
                float[] taken = new AdapterSnapshot(first).values(path + LoraModule.B);
                for (int i = 0; i < taken.length; i++) {
                    taken[i] = -taken[i];
                }
                values.put(name + ".taken", new AdapterSnapshot(first).values(name));
                values.put(path + LoraModule.B + ".taken", taken);
            }
        }
        LoraManifest manifest = new LoraManifest(
                new Pissa("pissa"),
                List.of(new LoraGroup("all", "test", modules, GroupSettings.PLAIN)),
                BiasMode.NONE,
                BOTH.head(),
                List.of());
        AdapterSnapshot saved = LoraVariant.of(manifest)
                .saved(manifest, new AdapterSnapshot(values))
                .values();
        assertThat(saved)
                .isEqualTo(new AdapterSnapshot(
                        tensors(golden.resolve("final-adapter-converted/adapter_model.safetensors"))));
    }

    private static Map<String, float[]> tensors(Path file) {
        Map<String, float[]> tensors = new TreeMap<>();
        try (SafetensorsFile in = SafetensorsFile.open(file)) {
            in.names().forEach(name -> tensors.put(name.replace("base_model.model.", ""), in.floats(name)));
        }
        return tensors;
    }

    private static double[] merged(LoraVariant variant, LoraModule module, AdapterSnapshot values, float[] weight) {
        DoubleBuffer merged = DoubleBuffer.allocate(weight.length);
        variant.merge(module, RSLORA, values, weight, merged::put);
        return merged.array();
    }
}
