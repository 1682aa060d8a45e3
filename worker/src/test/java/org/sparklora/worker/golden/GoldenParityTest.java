package org.sparklora.worker.golden;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.FreezePlan;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.encoder.ForwardPass;
import org.sparklora.worker.encoder.Parameters;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.engine.Graph;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.engine.Variable;
import org.sparklora.worker.head.ClassificationHead;
import org.sparklora.worker.head.RegressionHead;
import org.sparklora.worker.head.TaskHead;
import org.sparklora.worker.lora.LoraVariant;
import org.sparklora.worker.lora.PlainLora;
import org.sparklora.worker.train.AdaptedModel;

/** Our encoder, LoRA, optimizer and schedules against stored runs of PyTorch, transformers and PEFT: every case. */
class GoldenParityTest {

    @BeforeAll
    static void oneThread() {
        Torch.prepareThread();
    }

    static List<GoldenCase> forwardCases() throws IOException {
        return GoldenCase.all("forward");
    }

    static List<GoldenCase> trainCases() throws IOException {
        return GoldenCase.all("train");
    }

    @ParameterizedTest
    @MethodSource("forwardCases")
    void forwardEqualsTransformers(GoldenCase golden) throws IOException {
        Map<String, float[]> expected = golden.tensors("expected.safetensors").orElseThrow();
        Deviations deviations = new Deviations();
        try (BaseModel base = BaseModel.open(golden.model());
                NDManager manager = Torch.newManager()) {
            AdaptedModel model = plain(manager, base, golden);
            Encoder encoder = base.encoder();
            ForwardPass pass = ForwardPass.evaluation(model);
            Tokens tokens = paddedTokens(manager, golden.object("batch"));

            Variable x = encoder.embed(pass, tokens);
            Variable first = x;
            for (int layer = 0; layer <= encoder.layers(); layer++) {
                float[] hidden = expected.get("hidden_states." + layer);
                if (hidden != null) {
                    String what = "hidden_states." + layer;
                    deviations.absolute(
                            what, Tensors.toFloats(x.array()), hidden, golden.tolerance("hidden_states_abs"));
                }
                if (layer == encoder.layers() - 1) {
                    Variable twin = pass.constant(x.array().duplicate());
                    first = encoder.run(layer + 1, layer + 2, pass, twin, tokens);
                }
                if (layer < encoder.layers()) {
                    x = encoder.layer(layer, pass, x, tokens);
                }
            }
            float[] pooled =
                    Tensors.toFloats(encoder.run(encoder.layers() + 1, encoder.headIndex(), pass, first, tokens)
                            .array());
            deviations.absolute("pooled", pooled, expected.get("pooled"), golden.tolerance("pooled_abs"));

            if (golden.object("expected").has("loss")) {
                float[] logits = Tensors.toFloats(model.logits(paddedTokens(manager, golden.object("batch"))));
                float[] wanted = GoldenCase.floats(golden.object("expected").getAsJsonArray("logits"));
                deviations.absolute("logits", logits, wanted, golden.tolerance("logits_abs"));
                deviations.absolute(
                        "loss",
                        meanLoss(golden, logits),
                        golden.object("expected").get("loss").getAsDouble(),
                        golden.tolerance("loss_abs"));
            }
        }
        deviations.assertNone();
    }

    @ParameterizedTest
    @MethodSource("trainCases")
    void trainingEqualsPeft(GoldenCase golden) throws IOException {
        compareTraining(golden, false, 1);
    }

    @ParameterizedTest
    @MethodSource("trainCases")
    void trainingFromKeptActivationsEqualsPeft(GoldenCase golden) throws IOException {
        compareTraining(golden, true, 1);
    }

    @ParameterizedTest
    @MethodSource("trainCases")
    void trainingOnTwoRanksEqualsPeft(GoldenCase golden) throws IOException {
        compareTraining(golden, false, 2);
    }

    @ParameterizedTest
    @MethodSource("trainCases")
    void trainingOnTwoRanksFromKeptActivationsEqualsPeft(GoldenCase golden) throws IOException {
        compareTraining(golden, true, 2);
    }

    private static void compareTraining(GoldenCase golden, boolean cached, int shards) throws IOException {
        Deviations deviations = new Deviations();
        try (BaseModel base = BaseModel.open(golden.model())) {
            GoldenReplay replay = new GoldenReplay(golden, base, cached, shards, deviations);
            replay.run();
            AdapterSnapshot end = replay.everything();
            compareFinal(golden, end, replay, deviations);
            compareEvaluation(golden, base, replay, deviations);
        }
        deviations.assertNone();
    }

    private static void compareFinal(GoldenCase golden, AdapterSnapshot end, GoldenReplay replay, Deviations deviations)
            throws IOException {
        List<String> skipped = golden.object("tolerance").getAsJsonArray("skip_final").asList().stream()
                .map(name -> GoldenCase.ourName(name.getAsString()))
                .toList();
        Map<String, float[]> expected = golden.tensors("final.safetensors").orElseThrow();
        assertThat(end.names()).as("trained tensors").containsExactlyInAnyOrderElementsOf(expected.keySet());
        expected.forEach((name, values) -> {
            if (!skipped.contains(name)) {
                deviations.relativeL2("final " + name, end.view(name), values, golden.tolerance("final_rel_l2"), 1e-30);
                deviations.absolute("final " + name, end.view(name), values, golden.tolerance("final_abs"));
            }
        });
        golden.object("adamw_step_counts")
                .entrySet()
                .forEach(e -> assertThat(replay.steps(GoldenCase.ourName(e.getKey())))
                        .as("AdamW steps of " + e.getKey())
                        .isEqualTo(e.getValue().getAsInt()));
        golden.tensors("adamw_state.safetensors")
                .ifPresent(state -> state.forEach((key, values) -> {
                    String name = key.replaceFirst("\\.exp_avg(_sq)?$", "");
                    float[] ours = replay.moment(name, key.endsWith("_sq"));
                    if (!skipped.contains(name)) {
                        // No tolerance of its own is stored: a moment is a running mean of gradients (and their
                        // squares).
                        deviations.relativeL2(key, ours, values, 2 * golden.tolerance("grads_rel_l2"), 1e-6);
                    }
                }));
        int trainable =
                end.names().stream().mapToInt(name -> end.view(name).length).sum();
        assertThat(trainable).isEqualTo(golden.number("trainable_numel"));
    }

    private static void compareEvaluation(GoldenCase golden, BaseModel base, GoldenReplay replay, Deviations deviations)
            throws IOException {
        JsonObject end = golden.object("final");
        JsonObject batch = end.getAsJsonObject("eval_batch");
        try (NDManager manager = Torch.newManager()) {
            AdaptedModel model = replay.model(manager);
            float[] logits = Tensors.toFloats(model.logits(paddedTokens(manager, batch)));
            deviations.absolute(
                    "final logits",
                    logits,
                    GoldenCase.floats(end.getAsJsonArray("logits")),
                    golden.tolerance("logits_abs"));

            float[] untouched = Tensors.toFloats(plain(manager, base, golden).logits(paddedTokens(manager, batch)));
            float[] wanted = GoldenCase.floats(end.getAsJsonArray("base_model_logits"));
            deviations.absolute("base model logits", untouched, wanted, golden.tolerance("logits_abs"));

            compareMerged(golden, manager, base, model, deviations);
            comparePissa(golden, model, deviations);
        }
    }

    private static void compareMerged(
            GoldenCase golden, NDManager manager, BaseModel base, AdaptedModel model, Deviations deviations)
            throws IOException {
        Map<String, NDArray> merged = new TreeMap<>();
        model.adapters().layers().forEach((path, lora) -> {
            String weight = path + ".weight";
            merged.put(weight, lora.merged(model.get(weight).array(), manager));
        });
        Merged mergedModel = new Merged(model, merged);
        JsonObject end = golden.object("final");
        Tokens tokens = paddedTokens(manager, end.getAsJsonObject("eval_batch"));
        float[] logits = Tensors.toFloats(mergedModel.logits(base.encoder(), tokens));
        float[] wanted = GoldenCase.floats(end.getAsJsonArray("merged_logits"));
        deviations.absolute("merged logits", logits, wanted, golden.tolerance("merged_logits_abs"));
        golden.tensors("merged_weights.safetensors")
                .ifPresent(weights -> weights.forEach((name, values) -> deviations.relativeL2(
                        "merged " + name,
                        Tensors.toFloats(mergedModel.get(name).array()),
                        values,
                        golden.tolerance("final_rel_l2"),
                        1e-30)));
    }

    /** What PEFT's PiSSA trained beside, and the products of what it trained. */
    private static void comparePissa(GoldenCase golden, AdaptedModel model, Deviations deviations) throws IOException {
        Map<String, float[]> expected = golden.tensors("pissa.safetensors").orElse(Map.of());
        for (String path : model.adapters().layers().keySet()) {
            float[] residual = expected.get(path + ".residual_weight");
            if (residual != null) {
                float[] ours = Tensors.toFloats(model.get(path + ".weight").array());
                deviations.absolute("residual of " + path, ours, residual, golden.tolerance("residual_weight_abs"));
                NDArray product = model.get(path + ".lora_B.weight")
                        .array()
                        .matMul(model.get(path + ".lora_A.weight").array());
                deviations.relativeL2(
                        "B A of " + path,
                        Tensors.toFloats(product),
                        new AdapterSnapshot(expected).values(path + ".final_BA"),
                        golden.tolerance("final_BA_rel_l2"),
                        1e-30);
            }
        }
    }

    /** The same model without LoRA pairs: their deltas are in the weights. */
    private record Merged(AdaptedModel model, Map<String, NDArray> weights) implements Parameters {

        @Override
        public Optional<Variable> find(String name) {
            NDArray merged = weights.get(name);
            return merged == null ? model.find(name) : Optional.of(model.graph().constant(merged));
        }

        @Override
        public Graph graph() {
            return model.graph();
        }

        @Override
        public Optional<LoraVariant.Layer> lora(String path) {
            return Optional.empty();
        }

        NDArray logits(Encoder encoder, Tokens tokens) {
            ForwardPass pass = ForwardPass.evaluation(this);
            Variable x = encoder.embed(pass, tokens);
            int last = encoder.layers() - 1;
            for (int layer = 0; layer < last; layer++) {
                x = encoder.layer(layer, pass, x, tokens);
            }
            return encoder.logits(last + 1, pass, x, tokens).array();
        }
    }

    /** The base model with its own classifier, or a zero one where the checkpoint has none. */
    private static AdaptedModel plain(NDManager manager, BaseModel base, GoldenCase golden) {
        TaskHead head = head(golden, base);
        Map<String, float[]> values = new TreeMap<>();
        tensors(base, head)
                .forEach(tensor -> values.put(
                        tensor.name(),
                        base.optional(tensor.name()).map(Tensors::toFloats).orElse(new float[tensor.size()])));
        LoraManifest manifest =
                new LoraManifest(PlainLora.INSTANCE, List.of(), BiasMode.NONE, tensors(base, head), List.of());
        FreezePlan plan = new FreezePlan(manifest, FreezeState.of(Map.of()), base.encoder()::layerIndex);
        return new AdaptedModel(manager, base, head, plan, new AdapterSnapshot(values), false);
    }

    static List<TensorSpec> tensors(BaseModel base, TaskHead head) {
        return base.encoder().head().tensors(head.outputs());
    }

    static TaskHead head(GoldenCase golden, BaseModel base) {
        int outputs =
                base.optional("classifier.bias").map(bias -> (int) bias.size()).orElse(2);
        return outputs == 1 ? new RegressionHead() : new ClassificationHead(outputs);
    }

    private static double meanLoss(GoldenCase golden, float[] logits) {
        JsonArray labels = golden.object("batch").getAsJsonArray("labels");
        int columns = logits.length / labels.size();
        TaskHead head = columns == 1 ? new RegressionHead() : new ClassificationHead(columns);
        double sum = 0;
        for (int row = 0; row < labels.size(); row++) {
            float[] mine = Arrays.copyOfRange(logits, row * columns, (row + 1) * columns);
            sum += head.loss(mine, new float[] {labels.get(row).getAsFloat()});
        }
        return sum / labels.size();
    }

    /** A stored batch with its padding, because stored hidden states have it too. */
    private static Tokens paddedTokens(NDManager manager, JsonObject batch) {
        float[] ids = GoldenCase.floats(batch.getAsJsonArray("input_ids"));
        float[] types = GoldenCase.floats(batch.getAsJsonArray("token_type_ids"));
        float[] mask = GoldenCase.floats(batch.getAsJsonArray("attention_mask"));
        long[] inputIds = new long[ids.length];
        long[] tokenTypeIds = new long[ids.length];
        for (int i = 0; i < ids.length; i++) {
            inputIds[i] = (long) ids[i];
            tokenTypeIds[i] = (long) types[i];
        }
        return Tokens.of(manager, batch.getAsJsonArray("input_ids").size(), inputIds, tokenTypeIds, mask);
    }
}
