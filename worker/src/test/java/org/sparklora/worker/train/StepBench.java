package org.sparklora.worker.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.CachePlan;
import org.sparklora.worker.contract.DropoutRates;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.KeyedRandom;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.contract.ShardPlan;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.EncoderConfig;
import org.sparklora.worker.encoder.EncoderWork;
import org.sparklora.worker.encoder.ForwardPass;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.encoder.bert.BertEncoder;
import org.sparklora.worker.engine.Autograd;
import org.sparklora.worker.engine.Ops;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.head.ClassificationHead;
import org.sparklora.worker.head.TaskHead;
import org.sparklora.worker.lora.LoraInit;
import org.sparklora.worker.safetensors.SafetensorsWriter;
import org.sparklora.worker.safetensors.Tensor;
import org.sparklora.worker.train.AdaptedModel.GroupView;

/**
 * Forward and backward of a step of BERT-base, one thread, beside the rate of matrix products of its shapes in the same
 * round. The operations are those that the step needs by {@link EncoderWork}, whatever it does.
 */
public final class StepBench {

    private static final int ROWS = 8;
    private static final int LENGTH = 128;
    private static final int HIDDEN = 768;
    private static final int INNER = 3072;
    private static final int LAYERS = 12;
    private static final String CONFIG = """
            {"model_type": "bert", "vocab_size": 1000, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
             "intermediate_size": 3072, "hidden_act": "gelu", "max_position_embeddings": 512, "type_vocab_size": 2}
            """;

    private StepBench() {}

    /** How a step is done. */
    private enum How {
        /** As runs without a cache do it. */
        PLAIN,
        /** From what was kept of the frozen prefix. */
        CACHED,
        /** With the last layer for every token and without a cache, as it is done elsewhere. */
        EVERY_TOKEN
    }

    /** What is live. */
    private record Setting(String name, List<Integer> layers, How how) {

        /** Whether the other layers have trained, and are frozen; else they are dormant. */
        boolean othersAreFrozen() {
            return name.endsWith("frozen");
        }
    }

    private static final List<Integer> ALL = IntStream.range(0, LAYERS).boxed().toList();

    private static final List<Setting> SETTINGS = List.of(
            new Setting("all layers", ALL, How.PLAIN),
            new Setting("layers 0 and 11", List.of(0, 11), How.PLAIN),
            new Setting("layer 11", List.of(11), How.PLAIN),
            new Setting("layer 0, others frozen", List.of(0), How.PLAIN),
            new Setting("head only", List.of(), How.PLAIN),
            new Setting("layer 11, last layer for every token", List.of(11), How.EVERY_TOKEN),
            new Setting("layer 11, cached", List.of(11), How.CACHED),
            new Setting("head only, cached", List.of(), How.CACHED));

    /**
     * Prints a line for each setting.
     *
     * @param args number of rounds; 5 unless given
     */
    public static void main(String... args) throws IOException {
        int rounds = args.length > 0 ? Integer.parseInt(args[0]) : 5;
        Path model = randomBase();
        try {
            measure(BaseModel.shared(model), rounds);
        } finally {
            delete(model);
        }
        System.exit(0);
    }

    private static void measure(BaseModel base, int rounds) {
        Torch.prepareThread();
        for (Setting setting : SETTINGS) {
            Step step = new Step(base, setting);
            step.run(0);
            List<double[]> measured = new ArrayList<>();
            for (int round = 1; round <= rounds; round++) {
                double rate = matmulRate();
                long began = System.nanoTime();
                step.run(round);
                measured.add(new double[] {rate, (System.nanoTime() - began) / 1e9});
            }
            double[] seconds = sorted(measured, m -> m[1]);
            double[] fraction = sorted(measured, m -> step.operations() / m[1] / m[0]);
            System.out.printf(
                    Locale.ROOT,
                    "step of BERT-base, %d x %d, %-37s %.4f s, %.1f GFLOP; %.0f%% (%.0f%%..%.0f%%) of the %.1f GFLOP/s that"
                            + " matrix products reach%n",
                    ROWS,
                    LENGTH,
                    setting.name() + ":",
                    seconds[rounds / 2],
                    step.operations() / 1e9,
                    100 * fraction[rounds / 2],
                    100 * fraction[0],
                    100 * fraction[rounds - 1],
                    sorted(measured, m -> m[0])[rounds / 2] / 1e9);
        }
    }

    private static double[] sorted(List<double[]> measured, ToDoubleFunction<double[]> value) {
        return measured.stream().mapToDouble(value).sorted().toArray();
    }

    /** One setting, ready to run. */
    private static final class Step {

        private final How how;
        private final ShardPass pass;
        private final EveryToken everyToken;
        private final float[] live;
        private final Batch batch;
        private final double operations;

        Step(BaseModel base, Setting setting) {
            this.how = setting.how();
            TaskHead head = new ClassificationHead(2);
            List<LoraGroup> groups = new ArrayList<>();
            Map<String, GroupState> states = new TreeMap<>();
            for (int layer : setting.othersAreFrozen() ? ALL : setting.layers()) {
                groups.add(new LoraGroup(TinyModel.name(layer), "", modules(layer), GroupSettings.PLAIN));
                boolean live = setting.layers().contains(layer);
                states.put(TinyModel.name(layer), live ? GroupState.LIVE : GroupState.FROZEN);
            }
            LoraManifest manifest = new LoraManifest(groups, BiasMode.NONE, head.tensors(HIDDEN), List.of());
            int lowest =
                    setting.layers().isEmpty() ? LAYERS + 2 : setting.layers().get(0) + 1;
            EpochPlan plan = new EpochPlan(
                    0,
                    manifest,
                    TinyModel.freeze(manifest, states),
                    new ShardPlan(1, ROWS, ROWS, false),
                    TinyModel.values(manifest),
                    how == How.CACHED
                            ? new CachePlan(lowest, Precision.FLOAT32, "bench", "bench")
                            : CachePlan.off("bench"));
            pass = new ShardPass(base, head, TinyModel.settings(DropoutRates.NONE), plan);
            everyToken = new EveryToken(base, head, plan);
            live = pass.layout().flatten(plan.snapshot());
            batch = how == How.CACHED ? StoredStates.batch(base, head, plan, rows()) : Batch.of(rows(), 0);
            operations = needed(EncoderWork.of(base.encoder()), setting.layers(), how == How.CACHED ? lowest : 0);
        }

        private static List<LoraModule> modules(int layer) {
            return Stream.of("query", "value")
                    .map(name -> new LoraModule(
                            "bert.encoder.layer." + layer + ".attention.self." + name, 8, 16, HIDDEN, HIDDEN))
                    .toList();
        }

        /** Operations of a step that begins with stage {@code from}. */
        private static double needed(EncoderWork work, List<Integer> layers, int from) {
            int lowest = layers.isEmpty() ? LAYERS + 2 : layers.get(0) + 1;
            double sum = 0;
            for (int stage = from; stage < work.stages(); stage++) {
                sum += work.forward(stage, LENGTH)
                        + (stage >= lowest ? work.backward(stage, LENGTH, stage == lowest) : 0);
            }
            for (int layer : layers) {
                for (LoraModule module : modules(layer)) {
                    sum += 3 * 2.0 * 8 * 2 * HIDDEN * work.tokens(module.path(), LENGTH);
                }
            }
            return ROWS * sum;
        }

        double operations() {
            return operations;
        }

        void run(int step) {
            if (how == How.EVERY_TOKEN) {
                everyToken.run(batch);
            } else {
                pass.sum(live, step, 0, List.of(batch));
            }
        }
    }

    /** A step whose last layer computes every token. */
    private record EveryToken(BaseModel base, TaskHead head, EpochPlan plan) {

        void run(Batch batch) {
            Torch.prepareThread();
            try (NDManager manager = Torch.newManager()) {
                GroupView groups = new GroupView(plan.manifest(), plan.freeze());
                AdaptedModel model = new AdaptedModel(manager, base, head, groups, plan.snapshot(), true);
                Tokens tokens = Tokens.of(manager, batch);
                ForwardPass forward = ForwardPass.evaluation(model);
                NDArray x = model.stages(0, LAYERS, forward, tokens.ids(), tokens);
                try (Autograd recording = Autograd.record()) {
                    NDArray all = base.encoder().layer(LAYERS - 1, forward, x, tokens);
                    NDArray first = all.reshape(new Shape(ROWS, LENGTH, HIDDEN)).get("0:, 0");
                    NDArray logits = head.logits(forward, base.encoder().pool(forward, first));
                    recording.backward(head.lossSum(logits, batch.labels(), batch.weights(), 0));
                }
                float[] gradient = new float
                        [GradientLayout.of(plan.manifest(), plan.freeze()).size()];
                GradientLayout.of(plan.manifest(), plan.freeze())
                        .slots()
                        .forEach(slot -> Autograd.addGradient(
                                model.adapters().tensor(slot.tensor().name()), gradient, slot.offset()));
            }
        }
    }

    /** Operations a second of one layer's six products, in the forward direction. */
    private static double matmulRate() {
        long tokens = (long) ROWS * LENGTH;
        try (NDManager manager = Torch.newManager()) {
            NDArray narrow = random(manager, 1, tokens, HIDDEN);
            NDArray wide = random(manager, 2, tokens, INNER);
            NDArray square = random(manager, 3, HIDDEN, HIDDEN);
            NDArray up = random(manager, 4, INNER, HIDDEN);
            NDArray down = random(manager, 5, HIDDEN, INNER);
            double best = 0;
            for (int i = 0; i < 3; i++) {
                long began = System.nanoTime();
                for (int four = 0; four < 4; four++) {
                    Ops.linear(narrow, square, null).close();
                }
                Ops.linear(narrow, up, null).close();
                Ops.linear(wide, down, null).close();
                double operations = 2.0 * tokens * (4L * HIDDEN * HIDDEN + 2L * HIDDEN * INNER);
                best = Math.max(best, operations / ((System.nanoTime() - began) / 1e9));
            }
            return best;
        }
    }

    private static NDArray random(NDManager manager, int key, long... shape) {
        float[] values = new float[Math.toIntExact(shape[0] * shape[1])];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) KeyedRandom.uniform(key, i) - 0.5f;
        }
        return Tensors.floats(manager, values, shape);
    }

    private static List<Example> rows() {
        List<Example> rows = new ArrayList<>();
        for (int row = 0; row < ROWS; row++) {
            int[] ids = new int[LENGTH];
            Arrays.setAll(ids, i -> 5 + (i * 7) % 900);
            rows.add(new Example(ids, LENGTH, row % 2, 1f, row));
        }
        return rows;
    }

    /** A model directory with random weights of BERT-base's shape, save a small vocabulary. */
    private static Path randomBase() throws IOException {
        Path model = Files.createTempDirectory("bert-base");
        Files.writeString(model.resolve("config.json"), CONFIG);
        TreeMap<String, Tensor> tensors = new TreeMap<>();
        for (TensorSpec weight : BertEncoder.of(EncoderConfig.read(model)).weights()) {
            float[] values = LoraInit.normal(1, weight, 0.02);
            if (weight.name().endsWith("LayerNorm.weight")) {
                Arrays.fill(values, 1);
            }
            tensors.put(weight.name(), new Tensor(weight.shape(), values));
        }
        SafetensorsWriter.write(model.resolve("model.safetensors"), tensors);
        return model;
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
