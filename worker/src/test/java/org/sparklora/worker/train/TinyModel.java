package org.sparklora.worker.train;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.CachePlan;
import org.sparklora.worker.contract.DropoutRates;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.FreezePlan;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.KeyedRandom;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.LossSettings;
import org.sparklora.worker.contract.ShardPlan;
import org.sparklora.worker.contract.StepSettings;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.HeadLayers;
import org.sparklora.worker.head.ClassificationHead;
import org.sparklora.worker.head.TaskHead;
import org.sparklora.worker.lora.BaseWeight;
import org.sparklora.worker.lora.Initializers;
import org.sparklora.worker.lora.LoraVariant;
import org.sparklora.worker.lora.PlainLora;
import org.sparklora.worker.lora.Svd;

/** The bundled 12-layer tiny BERT with one group a layer, for tests of this package. Never closed: shared. */
final class TinyModel {

    static final BaseModel BASE = BaseModel.shared(
            Path.of(System.getProperty("project.root", ".."), "worker/src/test/resources/golden/models/tiny-bert-12l"));
    static final TaskHead HEAD = new ClassificationHead(2);
    static final int HIDDEN = 32;

    /** Stands in for the driver's decomposition: keyed vectors, which fit no weight, so that the part they take is not small. */
    static final Svd SVD = (weight, rows, columns, rank, iterations, key) -> new Svd.Part(
            DoubleStream.iterate(0.4, value -> value / 2).limit(rank).toArray(),
            vectors(key, rank, rows),
            vectors(key + 1, rank, columns));

    private TinyModel() {}

    private static double[][] vectors(long key, int count, int length) {
        double[][] vectors = new double[count][length];
        for (int i = 0; i < count * length; i++) {
            vectors[i / length][i % length] = KeyedRandom.gaussian(key, i) / Math.sqrt(length);
        }
        return vectors;
    }

    /** Query and value of a layer as the group "layerNN". */
    static LoraGroup group(int layer, GroupSettings settings) {
        String prefix = "bert.encoder.layer." + layer + ".attention.self.";
        return new LoraGroup(
                name(layer),
                "test",
                List.of(
                        new LoraModule(prefix + "query", 4, 8, HIDDEN, HIDDEN),
                        new LoraModule(prefix + "value", 4, 8, HIDDEN, HIDDEN)),
                settings);
    }

    static String name(int layer) {
        return (layer < 10 ? "layer0" : "layer") + layer;
    }

    static LoraManifest manifest(LoraGroup... groups) {
        return manifest(PlainLora.INSTANCE, groups);
    }

    static LoraManifest manifest(LoraVariant variant, LoraGroup... groups) {
        return new LoraManifest(
                variant,
                Arrays.asList(groups),
                BiasMode.NONE,
                HeadLayers.classifier(HIDDEN).tensors(HEAD.outputs()),
                List.of());
    }

    static FreezeState freeze(LoraManifest manifest, Map<String, GroupState> states) {
        Map<String, GroupState> all = new HashMap<>();
        manifest.groups().forEach(g -> all.put(g.name(), states.getOrDefault(g.name(), GroupState.LIVE)));
        return FreezeState.of(all);
    }

    /** The weight of a module; it is read if it is asked for. */
    static BaseWeight weight(LoraModule module) {
        return new BaseWeight(() -> BASE.floats(module.path() + ".weight"), SVD);
    }

    /** First values; B has moved a little, and the head is small but not zero, so that every gradient is alive. */
    static AdapterSnapshot values(LoraManifest manifest) {
        Map<String, float[]> values = new TreeMap<>();
        for (LoraGroup group : manifest.groups()) {
            for (LoraModule module : group.modules()) {
                LoraVariant variant = LoraVariant.of(manifest);
                Map<String, float[]> first = variant.initialValues(
                        module, group.settings(), 7, new BaseWeight(() -> BASE.floats(module.path() + ".weight"), SVD));
                values.putAll(first);
                for (TensorSpec tensor : variant.tensors(module)) {
                    float[] start = new AdapterSnapshot(first).values(tensor.name());
                    if (tensor.name().endsWith(LoraModule.B) || Arrays.equals(start, new float[tensor.size()])) {
                        // AdaLoRA's A and B are small at first.
                        double size = tensor.name().endsWith(".lora_E") ? 10 : 0.05;
                        float[] moved = Initializers.normal(7, tensor, size);
                        for (int i = 0; i < moved.length; i++) {
                            moved[i] += start[i];
                        }
                        values.put(tensor.name(), moved);
                    }
                }
            }
        }
        manifest.head().forEach(t -> values.put(t.name(), Initializers.normal(7, t, 0.2)));
        return new AdapterSnapshot(values);
    }

    static StepSettings settings(DropoutRates dropout) {
        return new StepSettings(42, 1, LossSettings.PLAIN, dropout);
    }

    static FreezePlan freezePlan(LoraManifest manifest, FreezeState freeze) {
        return new FreezePlan(manifest, freeze, BASE.encoder()::layerIndex);
    }

    /** The steps of the state's current freeze state. */
    static TrainStep step(TrainState state, OptimizerSettings optimizer) {
        return new TrainStep(state, freezePlan(state.manifest(), state.freeze()), optimizer);
    }

    static EpochPlan plan(LoraManifest manifest, FreezeState freeze, AdapterSnapshot values) {
        AdapterSnapshot present = values.only(name -> manifest.names().stream()
                .filter(g -> freeze.of(g) != GroupState.DORMANT)
                .flatMap(g -> Stream.concat(manifest.tensors(g).stream(), manifest.constants(g).stream()))
                .anyMatch(t -> t.name().equals(name)));
        return new EpochPlan(
                3, freezePlan(manifest, freeze), new ShardPlan(1, 8, 8, false), present, CachePlan.off("test"));
    }

    /** Rows of random tokens and labels. */
    static List<Example> examples(int count, int key) {
        List<Example> rows = new ArrayList<>();
        for (int row = 0; row < count; row++) {
            int[] ids = new int[4 + (int) (KeyedRandom.uniform(key, row) * 12)];
            for (int i = 0; i < ids.length; i++) {
                ids[i] = 5 + (int) (KeyedRandom.uniform(KeyedRandom.mix(key, row), i) * 190);
            }
            ids[0] = 2;
            ids[ids.length - 1] = 3;
            rows.add(new Example(ids, ids.length, row % 2, 1f, row));
        }
        return rows;
    }
}
