package org.sparklora.worker.encoder.modernbert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDManager;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.FreezePlan;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.encoder.Architectures;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.encoder.EncoderConfig;
import org.sparklora.worker.encoder.EncoderWork;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.encoder.ModelException;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.head.ClassificationHead;
import org.sparklora.worker.lora.PlainLora;
import org.sparklora.worker.train.AdaptedModel;

/** What the stored runs do not show: keys of config.json, the cost, and texts longer than a window. */
class ModernBertTest {

    private static final Path CASES = Path.of("src/test/resources/golden-encoders");

    @TempDir
    private Path folder;

    @BeforeAll
    static void oneThread() {
        Torch.prepareThread();
    }

    private static Path model(String name) {
        return CASES.resolve("modernbert-" + name).resolve("model");
    }

    /** A copy of a stored model whose config.json has one part changed. */
    private Path changed(String name, String from, String to) throws IOException {
        String config = Files.readString(model(name).resolve("config.json"));
        assertThat(config).contains(from);
        Files.writeString(folder.resolve("config.json"), config.replace(from, to));
        Path weights = folder.resolve("model.safetensors");
        if (!Files.exists(weights)) {
            Files.copy(model(name).resolve("model.safetensors"), weights);
        }
        return folder;
    }

    private static Encoder encoder(Path directory, HeadInput headInput) {
        return Architectures.of(EncoderConfig.read(directory), headInput);
    }

    /** Logits of the model's own head for rows of these lengths, padded to the longest. */
    private static float[] logits(Path directory, int... lengths) {
        ClassificationHead head = new ClassificationHead(2);
        try (BaseModel base = BaseModel.open(directory);
                NDManager manager = Torch.newManager()) {
            List<TensorSpec> tensors = base.encoder().head().tensors(2);
            Map<String, float[]> values = new TreeMap<>();
            tensors.forEach(tensor -> values.put(
                    tensor.name(), Tensors.toFloats(base.optional(tensor.name()).orElseThrow())));
            LoraManifest manifest = new LoraManifest(PlainLora.INSTANCE, List.of(), BiasMode.NONE, tensors, List.of());
            FreezePlan plan = new FreezePlan(manifest, FreezeState.of(Map.of()), base.encoder()::layerIndex);
            AdaptedModel model = new AdaptedModel(manager, base, head, plan, new AdapterSnapshot(values), false);
            List<Example> rows =
                    Arrays.stream(lengths).mapToObj(ModernBertTest::row).toList();
            return Tensors.toFloats(model.logits(Tokens.of(manager, Batch.of(rows, 0))));
        }
    }

    private static Example row(int length) {
        int[] ids = new int[length];
        Arrays.setAll(ids, i -> 1 + (i * 37) % 150);
        return new Example(ids, length, 0, 1f, length);
    }

    @Test
    void theKeysOfTransformersFiveMeanTheSame() throws IOException {
        float[] wanted = logits(model("cls"), 40, 9);
        String older = """
                "global_attn_every_n_layers": 3,
                 "global_rope_theta": 160000.0,""";
        Path written = changed("cls", older, """
                "layer_types": ["full_attention", "sliding_attention", "sliding_attention", "full_attention"],
                "rope_parameters": {"full_attention": {"rope_theta": 160000.0, "rope_type": "default"},
                  "sliding_attention": {"rope_theta": 10000.0, "rope_type": "default"}},""");
        assertThat(logits(written, 40, 9)).isEqualTo(wanted);
        Path swapped = changed("cls", older, """
                "layer_types": ["sliding_attention", "full_attention", "full_attention", "sliding_attention"],""");
        assertThat(logits(swapped, 40, 9)).isNotEqualTo(wanted);
        Path otherTheta = changed("cls", older, """
                "rope_parameters": {"full_attention": {"rope_theta": 10000.0}},""");
        assertThat(logits(otherTheta, 40, 9)).isNotEqualTo(wanted);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            quoteCharacter = '`',
            value = {
                "\"cls\"; \"max\"; classifier_pooling 'max'",
                "\"mlp_bias\": false; \"mlp_bias\": true; mlp_bias 'true'",
                "\"hidden_activation\": \"gelu\"; \"hidden_activation\": \"silu\"; hidden_activation 'silu'",
                "\"norm_bias\"; \"layer_types\": [\"full_attention\", \"a\", \"b\", \"c\"], \"norm_bias\"; names 'a'",
                "\"norm_bias\"; \"rope_scaling\": {\"type\": \"linear\"}, \"norm_bias\"; rope_scaling",
                "\"norm_bias\"; \"rope_parameters\": {\"full_attention\": {\"rope_type\": \"yarn\"}}, \"norm_bias\"; 'yarn'"
            })
    void anotherComputationIsRefused(String from, String to, String named) throws IOException {
        Path directory = changed("cls", from, to);
        assertThatThrownBy(() -> encoder(directory, HeadInput.FIRST_TOKEN))
                .isInstanceOf(ModelException.class)
                .hasMessageContainingAll(
                        directory.resolve("config.json").toString(), named, "not supported", "[model.unsupported]");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            quoteCharacter = '`',
            value = {
                "\"num_attention_heads\": 4; \"num_attention_heads\": 7; num_attention_heads 7",
                "\"norm_bias\"; \"layer_types\": [\"full_attention\"], \"norm_bias\"; names 1 layers"
            })
    void aConfigurationThatCannotBeIsRefused(String from, String to, String named) throws IOException {
        Path directory = changed("cls", from, to);
        assertThatThrownBy(() -> encoder(directory, HeadInput.FIRST_TOKEN))
                .isInstanceOf(ModelException.class)
                .hasMessageContainingAll(named, "[model.config]");
    }

    /** Beyond a window of 4 on each side, nothing but the layers that see every token carries what changes. */
    @Test
    void paddingChangesNoRowHoweverLongTheOthersAre() {
        for (String name : List.of("cls", "head-trained")) {
            float[] alone = logits(model(name), 6);
            float[] padded = logits(model(name), 6, 60);
            for (int i = 0; i < alone.length; i++) {
                assertThat(padded[i]).isCloseTo(alone[i], org.assertj.core.data.Offset.offset(1e-5f));
            }
        }
    }

    @Test
    void aWindowReachesHalfOfLocalAttentionToBothSides() {
        try (NDManager manager = Torch.newManager()) {
            Tokens tokens = Tokens.of(manager, 1, new long[5], new long[5], new float[] {1, 1, 1, 1, 0});
            LayerType window = new LayerType(10_000, OptionalInt.of(2));
            float no = -Float.MAX_VALUE;
            assertThat(window.of(tokens, 4, manager).mask().toFloatArray())
                    .containsExactly(
                            0, 0, 0, no, no, 0, 0, 0, 0, no, 0, 0, 0, 0, no, no, 0, 0, 0, no, no, no, 0, 0, no);
            assertThat(new LayerType(1, OptionalInt.of(4))
                            .of(tokens, 4, manager)
                            .mask())
                    .isSameAs(tokens.mask());
            assertThat(new LayerType(1, OptionalInt.empty())
                            .of(tokens, 4, manager)
                            .mask())
                    .isSameAs(tokens.mask());
        }
    }

    /** H 40, I 52, 4 heads, 4 layers. */
    @Test
    void theLastLayerMultipliesEveryTokenWithWqkvOnlyForTheFirstToken() {
        EncoderWork cls = EncoderWork.of(encoder(model("cls"), HeadInput.FIRST_TOKEN));
        double rest = 2.0 * (40 * 40 + 2 * 52 * 40 + 40 * 52);
        double projections = 2.0 * 3 * 40 * 40;
        assertThat(cls.forward(3, 10)).isEqualTo(10 * (projections + rest) + 4.0 * 10 * 10 * 40);
        assertThat(cls.forward(4, 10)).isEqualTo(10 * projections + rest + 4.0 * 10 * 40);
        assertThat(cls.vectors("model.layers.3.attn.Wqkv", 10, false)).isEqualTo(10);
        assertThat(cls.vectors("model.layers.3.mlp.Wi", 10, false)).isEqualTo(1);
        assertThat(cls.forward(5, 10)).isEqualTo(2.0 * 40 * 40);

        EncoderWork mean = EncoderWork.of(encoder(model("mean"), HeadInput.FIRST_TOKEN));
        assertThat(mean.forward(4, 10)).isEqualTo(cls.forward(3, 10));
        assertThat(mean.forward(5, 10)).isEqualTo(cls.forward(5, 10));
        assertThat(mean.keptBytes(4, 10, Precision.FLOAT32)).isEqualTo(4.0 * 10 * (7 * 40 + 2 * 52 + 4));

        EncoderWork tokens = EncoderWork.of(encoder(model("token-classification"), HeadInput.EVERY_TOKEN));
        assertThat(tokens.forward(5, 10)).isEqualTo(10 * cls.forward(5, 10));
    }
}
