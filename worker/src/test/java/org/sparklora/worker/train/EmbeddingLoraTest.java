package org.sparklora.worker.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.ndarray.NDManager;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.Arithmetic;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.DropoutRates;
import org.sparklora.worker.contract.FreezePlan;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.Kernel;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.contract.ShardSum;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.ForwardPass;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.lora.PlainLora;
import org.sparklora.worker.machine.Machine;

/** LoRA on the tables of embeddings: its gradients from those of the whole tables, and what its group's state changes. */
class EmbeddingLoraTest {

    private static final String TABLES = "tables";
    private static final GroupSettings SETTINGS = new GroupSettings(0.3, true, 1, 0);
    private static final LoraGroup GROUP = new LoraGroup(TABLES, "test", modules(), SETTINGS);
    private static final LoraGroup TOP = TinyModel.group(11, GroupSettings.PLAIN);
    private static final LoraManifest LORA = TinyModel.manifest(GROUP, TOP);
    private static final AdapterSnapshot VALUES = TinyModel.values(LORA);
    private static final List<Batch> ROWS = List.of(Batch.of(TinyModel.examples(8, 3), 0));

    private static List<LoraModule> modules() {
        List<LoraModule> modules = new ArrayList<>();
        for (TensorSpec table : TinyModel.BASE.encoder().tables()) {
            int rank = Math.min(3, table.shape().get(0));
            modules.add(new LoraModule(
                    table.name(), rank, 5, table.shape().get(0), table.shape().get(1)));
        }
        return modules;
    }

    private static ShardSum sum(
            BaseModel base, LoraManifest manifest, Map<String, GroupState> states, AdapterSnapshot v) {
        var plan = TinyModel.plan(manifest, TinyModel.freeze(manifest, states), v);
        return new ShardPass(base, TinyModel.HEAD, TinyModel.settings(DropoutRates.NONE), plan)
                .sum(plan.freezePlan().flatten(v), 0, 0, ROWS);
    }

    private static AdapterSnapshot gradients(LoraManifest manifest, ShardSum sum) {
        return plan(manifest, Map.of()).unflatten(sum.gradient());
    }

    private static FreezePlan plan(LoraManifest manifest, Map<String, GroupState> states) {
        return TinyModel.freezePlan(manifest, TinyModel.freeze(manifest, states));
    }

    @Test
    void gradientsAreThoseOfTheMergedTablesByTheChainRule() {
        List<TensorSpec> whole = new ArrayList<>(LORA.head());
        Map<String, float[]> merged = new TreeMap<>();
        for (LoraModule module : GROUP.modules()) {
            String name = module.path() + ".weight";
            float[] base = TinyModel.BASE.floats(name);
            FloatBuffer table = FloatBuffer.allocate(base.length);
            PlainLora.INSTANCE.merge(module, SETTINGS, VALUES, base, value -> table.put((float) value));
            merged.put(name, table.array());
            assertThat(table.array()).isNotEqualTo(base);
            whole.add(new TensorSpec(name, List.of(module.inFeatures(), module.outFeatures())));
        }
        LoraManifest tables = new LoraManifest(PlainLora.INSTANCE, List.of(TOP), BiasMode.NONE, whole, List.of());

        ShardSum ours = sum(TinyModel.BASE, LORA, Map.of(), VALUES);
        ShardSum theirs = sum(TinyModel.BASE, tables, Map.of(), VALUES.with(new AdapterSnapshot(merged)));
        assertThat(ours.loss()).isCloseTo(theirs.loss(), within(1e-5));
        AdapterSnapshot found = gradients(LORA, ours);
        AdapterSnapshot ofTables = gradients(tables, theirs);
        for (LoraModule module : GROUP.modules()) {
            float[] g = ofTables.view(module.path() + ".weight");
            float[] a = VALUES.view(module.loraA());
            float[] b = VALUES.view(module.loraB());
            int rank = module.loraRank();
            int rows = module.inFeatures();
            int width = module.outFeatures();
            double[] ofA = new double[a.length];
            double[] ofB = new double[b.length];
            for (int row = 0; row < rows; row++) {
                for (int column = 0; column < width; column++) {
                    for (int r = 0; r < rank; r++) {
                        double scaled = module.scaling(true) * g[row * width + column];
                        ofA[r * rows + row] += scaled * b[column * rank + r];
                        ofB[column * rank + r] += scaled * a[r * rows + row];
                    }
                }
            }
            assertClose(module.loraA(), found.view(module.loraA()), ofA);
            assertClose(module.loraB(), found.view(module.loraB()), ofB);
        }
    }

    private static void assertClose(String name, float[] found, double[] expected) {
        double largest = 0;
        for (double value : expected) {
            largest = Math.max(largest, Math.abs(value));
        }
        assertThat(largest).as(name).isPositive();
        for (int i = 0; i < expected.length; i++) {
            assertThat((double) found[i]).as(name).isCloseTo(expected[i], within(1e-4 * largest));
        }
    }

    @Test
    void aStartsAtZeroAndBIsStandardNormal() {
        LoraModule words = GROUP.modules().get(GROUP.modules().size() - 1);
        assertThat(words.path()).endsWith("word_embeddings");
        Map<String, float[]> first = PlainLora.INSTANCE.initialValues(words, SETTINGS, 7, TinyModel.weight(words));
        AdapterSnapshot values = new AdapterSnapshot(first);
        assertThat(values.names())
                .containsExactly(words.path() + ".lora_embedding_A", words.path() + ".lora_embedding_B");
        assertThat(values.view(words.loraA())).hasSize(3 * words.inFeatures()).containsOnly(0f);
        double square = 0;
        for (float value : values.view(words.loraB())) {
            square += (double) value * value;
        }
        assertThat(square / values.view(words.loraB()).length).isBetween(0.6, 1.5);
        assertThat(PlainLora.INSTANCE.changesOutput(words, values, () -> new float[0]))
                .isFalse();
        assertThat(PlainLora.INSTANCE.changesOutput(words, VALUES, () -> new float[0]))
                .isTrue();
    }

    @Test
    void aDormantGroupChangesNoBitAndAFrozenOneIsPartOfTheTrunk() {
        Map<String, GroupState> dormant = Map.of(TABLES, GroupState.DORMANT);
        Map<String, GroupState> frozen = Map.of(TABLES, GroupState.FROZEN);
        assertThat(plan(LORA, Map.of()).lowestTrainableLayer()).isZero();
        assertThat(plan(LORA, frozen).lowestTrainableLayer()).isEqualTo(12);
        assertThat(plan(LORA, dormant).slotsByGroup()).doesNotContainKey(TABLES);

        LoraManifest without = TinyModel.manifest(TOP);
        AdapterSnapshot others = VALUES.only(name -> !name.contains("_embeddings"));
        ShardSum absent = sum(TinyModel.BASE, without, Map.of(), others);
        assertThat(sum(TinyModel.BASE, LORA, dormant, VALUES).gradient()).isEqualTo(absent.gradient());

        ShardSum atRest = sum(TinyModel.BASE, LORA, frozen, VALUES);
        ShardSum live = sum(TinyModel.BASE, LORA, Map.of(), VALUES);
        assertThat(atRest.loss()).isCloseTo(live.loss(), within(1e-5));
        assertThat(Math.abs(atRest.loss() - absent.loss())).isGreaterThan(1e-3);
    }

    @Test
    void theMergedTableOfPredictionIsThatOfExport() {
        Torch.prepareThread();
        try (NDManager manager = Torch.newManager()) {
            FreezePlan plan = plan(LORA, Map.of());
            AdaptedModel model = new AdaptedModel(manager, TinyModel.BASE, TinyModel.HEAD, plan, VALUES, false);
            for (LoraModule module : GROUP.modules()) {
                String name = module.path() + ".weight";
                float[] fast = Tensors.toFloats(
                        model.lora(module.path()).orElseThrow().merged(TinyModel.BASE.weight(name), manager));
                FloatBuffer exact = FloatBuffer.allocate(fast.length);
                PlainLora.INSTANCE.merge(
                        module, SETTINGS, VALUES, TinyModel.BASE.floats(name), value -> exact.put((float) value));
                assertThat(fast).containsExactly(exact.array(), within(1e-5f));
            }
        }
    }

    @Test
    void besideTablesInBfloat16ThePairStaysFloat32() {
        assumeTrue(Machine.hardware().hasBfloat16(), "this processor has no instructions for bfloat16");
        BaseModel rounded = BaseModel.shared(
                TinyModel.BASE.directory(), HeadInput.FIRST_TOKEN, new Arithmetic(Kernel.ONEDNN, Precision.BFLOAT16));
        try (NDManager manager = Torch.newManager()) {
            Torch.prepareThread();
            Tokens tokens = Tokens.of(manager, ROWS.get(0));
            List<float[]> rows = new ArrayList<>();
            for (LoraManifest manifest : List.of(LORA, TinyModel.manifest(TOP))) {
                AdaptedModel model = new AdaptedModel(
                        manager, rounded, TinyModel.HEAD, plan(manifest, Map.of()), TinyModel.values(manifest), false);
                rows.add(Tensors.toFloats(ForwardPass.evaluation(model)
                        .rows("bert.embeddings.word_embeddings", tokens.ids())
                        .array()));
            }
            LoraModule words = GROUP.modules().get(GROUP.modules().size() - 1);
            long[] ids = tokens.ids().toLongArray();
            float[] a = VALUES.view(words.loraA());
            float[] b = VALUES.view(words.loraB());
            for (int i = 0; i < rows.get(0).length; i++) {
                double delta = 0;
                for (int r = 0; r < words.loraRank(); r++) {
                    int id = (int) ids[i / words.outFeatures()];
                    delta +=
                            (double) a[r * words.inFeatures() + id] * b[i % words.outFeatures() * words.loraRank() + r];
                }
                assertThat((double) rows.get(0)[i] - rows.get(1)[i])
                        .isCloseTo(delta * words.scaling(true), within(1e-5));
            }
        }
    }
}
