package org.sparklora.worker.encoder.deberta;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDManager;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.CachePlan;
import org.sparklora.worker.contract.DropoutRates;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.FreezePlan;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LossSettings;
import org.sparklora.worker.contract.ShardPlan;
import org.sparklora.worker.contract.ShardSum;
import org.sparklora.worker.contract.StepSettings;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.encoder.Architectures;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.encoder.EncoderConfig;
import org.sparklora.worker.encoder.ForwardPass;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.head.ClassificationHead;
import org.sparklora.worker.head.TaskHead;
import org.sparklora.worker.lora.Initializers;
import org.sparklora.worker.lora.PlainLora;
import org.sparklora.worker.safetensors.SafetensorsFile;
import org.sparklora.worker.safetensors.SafetensorsWriter;
import org.sparklora.worker.safetensors.Tensor;
import org.sparklora.worker.train.AdaptedModel;
import org.sparklora.worker.train.ShardPass;

/** What stored runs of DeBERTa do not show: other settings, refusals, a checkpoint without pooler, a trained normalization. */
class DebertaEncoderTest {

    private static final Path CASES = Path.of("src/test/resources/golden-encoders");
    private static final Path MODEL = CASES.resolve("deberta-v2/model");
    private static final TaskHead HEAD = new ClassificationHead(3);

    @TempDir
    private Path folder;

    @BeforeAll
    static void oneThread() {
        Torch.prepareThread();
    }

    private EncoderConfig config(String from, String to) throws IOException {
        String config = Files.readString(MODEL.resolve("config.json"));
        assertThat(config).contains(from);
        Files.writeString(folder.resolve("config.json"), config.replace(from, to));
        return EncoderConfig.read(folder);
    }

    @ParameterizedTest
    @ValueSource(strings = {"deberta-v2", "deberta-v2-all-linear"})
    void bucketsAreThoseOfTransformers(String name) throws IOException {
        JsonObject extra = JsonParser.parseString(
                        Files.readString(CASES.resolve(name).resolve("case.json")))
                .getAsJsonObject()
                .getAsJsonObject("extra");
        JsonArray distances = extra.getAsJsonArray("relative_positions");
        RelativePosition positions =
                RelativePosition.of(EncoderConfig.read(CASES.resolve(name).resolve("model")), 32);
        assertThat(positions.rows()).isEqualTo(16);
        for (int i = 0; i < distances.size(); i++) {
            assertThat(positions.row(distances.get(i).getAsInt()))
                    .isEqualTo(8 + extra.getAsJsonArray("buckets").get(i).getAsInt());
        }
    }

    /** transformers' buckets for DeBERTa-v3-base; without buckets, far distances share the first and the last row. */
    @Test
    void longDistancesShareRows() {
        RelativePosition base = new RelativePosition(256, 512);
        assertThat(IntStream.of(127, 128, 129, 130, 139, 500, 511, -129, -511).map(base::row))
                .containsExactly(383, 384, 385, 386, 392, 510, 511, 127, 1);
        // All of them at once.
        assertThat(IntStream.rangeClosed(-511, 511)
                        .map(distance -> (base.row(distance) - 256) * (distance + 512))
                        .sum())
                .isEqualTo(54_914_426);
        RelativePosition plain = new RelativePosition(-1, 4);
        assertThat(plain.rows()).isEqualTo(8);
        assertThat(IntStream.of(-7, -4, -1, 0, 3, 4, 7).map(plain::row)).containsExactly(0, 0, 3, 4, 7, 7, 7);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "\"relative_attention\": true;\"relative_attention\": false;relative_attention false",
                "\"share_att_key\": true;\"other\": true;share_att_key false",
                "\"layer_norm\";\"none\";norm_rel_ebd none",
                "\"vocab_size\": 160;\"vocab_size\": 160, \"conv_kernel_size\": 3;conv_kernel_size 3",
                "\"vocab_size\": 160;\"vocab_size\": 160, \"embedding_size\": 24;embedding_size 24",
                "\"vocab_size\": 160;\"vocab_size\": 160, \"pooler_hidden_act\": \"tanh\";pooler_hidden_act tanh",
                "\"vocab_size\": 160;\"vocab_size\": 160, \"pooler_dropout\": 0.1;pooler_dropout",
                "p2c|c2p;c2p|p2p;pos_att_type"
            })
    void refusesWhatItDoesNotCompute(String from, String to, String named) throws IOException {
        EncoderConfig config = config(from, to);
        assertThatThrownBy(() -> Architectures.of(config, HeadInput.FIRST_TOKEN))
                .hasMessageContainingAll(folder.toString(), named, "[model.unsupported]");
    }

    @Test
    void aTableOfBucketsThatCannotGrowIsAnError() throws IOException {
        EncoderConfig config = config("\"position_buckets\": 8", "\"position_buckets\": 80");
        assertThatThrownBy(() -> Architectures.of(config, HeadInput.FIRST_TOKEN))
                .hasMessageContainingAll("position_buckets 80", "31", "[model.config]");
    }

    @Test
    void theFirstVersionIsRefusedWithAReason() throws IOException {
        EncoderConfig config = config("\"deberta-v2\"", "\"deberta\"");
        assertThatThrownBy(() -> Architectures.of(config, HeadInput.FIRST_TOKEN))
                .hasMessageContainingAll("'deberta'", "deberta-v2", "first version", "[model.unsupported]");
    }

    /** The stored models have one; it is then a part of the encoder that LoRA can adapt. */
    @Test
    void aPoolerOfTheCheckpointStaysFrozen() {
        try (BaseModel model = BaseModel.open(MODEL)) {
            Encoder encoder = model.encoder();
            assertThat(encoder.pools()).isTrue();
            assertThat(encoder.head().modules()).containsExactly("classifier");
            assertThat(encoder.layerIndex("pooler.dense.weight")).isEqualTo(4);
            assertThat(encoder.linears()).contains(new TensorSpec("pooler.dense", List.of(48, 48)));
            assertThat(encoder.layerIndex("deberta.encoder.rel_embeddings.weight"))
                    .isZero();
            assertThat(encoder.layerIndex("deberta.encoder.LayerNorm.bias")).isZero();
            assertThat(encoder.weights()).doesNotHaveDuplicates();
            assertThat(encoder.canonicalName("encoder.rel_embeddings.weight"))
                    .contains("deberta.encoder.rel_embeddings.weight");
            assertThat(model.notes()).isEmpty();
        }
    }

    private void write(SortedMap<String, Tensor> more) throws IOException {
        SortedMap<String, Tensor> tensors = new TreeMap<>(more);
        try (SafetensorsFile file = SafetensorsFile.open(MODEL.resolve("model.safetensors"))) {
            file.names().stream()
                    .filter(name -> !name.startsWith("pooler."))
                    .forEach(name -> tensors.putIfAbsent(name, file.tensor(name)));
        }
        SafetensorsWriter.write(folder.resolve("model.safetensors"), tensors);
    }

    @Test
    void embeddingsMayHavePositionsAndTypes() throws IOException {
        config(
                "\"position_biased_input\": false,",
                "\"position_biased_input\": true, \"pos_att_type\": [\"c2p\", \"p2c\"],");
        Path file = folder.resolve("config.json");
        Files.writeString(file, Files.readString(file).replace("\"type_vocab_size\": 0", "\"type_vocab_size\": 2"));
        SortedMap<String, Tensor> tables = new TreeMap<>();
        Map.of("position", 32, "token_type", 2).forEach((of, rows) -> {
            TensorSpec table = new TensorSpec("deberta.embeddings." + of + "_embeddings.weight", List.of(rows, 48));
            tables.put(table.name(), new Tensor(table.shape(), Initializers.normal(3, table, 1)));
        });
        write(tables);
        try (BaseModel model = BaseModel.open(folder);
                NDManager manager = Torch.newManager()) {
            AdaptedModel plain = model(manager, model, manifest(model, BiasMode.NONE));
            long[] ids = {1, 20, 2, 1, 30, 0};
            long[] types = {0, 0, 1, 0, 1, 0};
            Tokens tokens = Tokens.of(manager, 2, ids, types, new float[] {1, 1, 1, 1, 1, 0});
            float[] embedded = Tensors.toFloats(
                    model.encoder().embed(ForwardPass.evaluation(plain), tokens).array());
            for (int token = 0; token < ids.length; token++) {
                float[] expected =
                        token == 5 ? new float[48] : normalized(model, ids[token], token % 3, (int) types[token]);
                assertThat(Arrays.copyOfRange(embedded, token * 48, (token + 1) * 48))
                        .as("token %d", token)
                        .containsExactly(expected, within(1e-5f));
            }
        }
    }

    private static float[] normalized(BaseModel model, long id, int position, int type) {
        double[] sum = new double[48];
        Map.of("word", (int) id, "position", position, "token_type", type).forEach((of, row) -> {
            float[] table = Tensors.toFloats(model.weight("deberta.embeddings." + of + "_embeddings.weight"));
            for (int i = 0; i < sum.length; i++) {
                sum[i] += table[row * sum.length + i];
            }
        });
        double mean = Arrays.stream(sum).average().orElseThrow();
        double variance =
                Arrays.stream(sum).map(x -> (x - mean) * (x - mean)).average().orElseThrow();
        float[] weight = Tensors.toFloats(model.weight("deberta.embeddings.LayerNorm.weight"));
        float[] bias = Tensors.toFloats(model.weight("deberta.embeddings.LayerNorm.bias"));
        float[] out = new float[sum.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = (float) ((sum[i] - mean) / StrictMath.sqrt(variance + 1e-7) * weight[i] + bias[i]);
        }
        return out;
    }

    private static LoraManifest manifest(BaseModel base, BiasMode bias) {
        return new LoraManifest(
                PlainLora.INSTANCE,
                List.of(),
                bias,
                base.encoder().head().tensors(HEAD.outputs()),
                bias == BiasMode.ALL ? base.encoder().biases() : List.of());
    }

    private static AdapterSnapshot values(BaseModel base, LoraManifest manifest) {
        Map<String, float[]> values = new TreeMap<>();
        manifest.head().forEach(t -> values.put(t.name(), Initializers.normal(5, t, 0.3)));
        manifest.biases().forEach(t -> values.put(t.name(), Tensors.toFloats(base.weight(t.name()))));
        return new AdapterSnapshot(values);
    }

    private static AdaptedModel model(NDManager manager, BaseModel base, LoraManifest manifest) {
        FreezePlan plan = new FreezePlan(manifest, FreezeState.of(Map.of()), base.encoder()::layerIndex);
        return new AdaptedModel(manager, base, HEAD, plan, values(base, manifest), false);
    }

    /** With bias: all, the bias of the relative embeddings' normalization trains: its gradient passes through every layer. */
    @Test
    void theBiasOfTheRelativeEmbeddingsHasTheGradientOfTheLoss() {
        String bias = "deberta.encoder.LayerNorm.bias";
        try (BaseModel base = BaseModel.open(MODEL)) {
            LoraManifest manifest = manifest(base, BiasMode.ALL);
            FreezePlan plan = new FreezePlan(manifest, FreezeState.of(Map.of()), base.encoder()::layerIndex);
            assertThat(plan.lowestTrainableLayer()).isZero();
            EpochPlan epoch =
                    new EpochPlan(0, plan, new ShardPlan(1, 2, 2, true), values(base, manifest), CachePlan.off("test"));
            StepSettings settings = new StepSettings(0, 1, LossSettings.PLAIN, DropoutRates.NONE);
            ShardPass pass = new ShardPass(base, HEAD, settings, epoch);
            int[] ids = IntStream.range(0, 20).map(i -> 3 + 37 * i % 150).toArray();
            List<Batch> batch = List.of(Batch.of(
                    List.of(new Example(ids, 20, 1, 1f, 0), new Example(Arrays.copyOf(ids, 7), 7, 2, 1f, 1)), 0));
            float[] start = plan.flatten(values(base, manifest));
            ShardSum sum = pass.sum(start, 0, 0, batch);
            int offset = plan.slots().stream()
                    .filter(slot -> slot.tensor().name().equals(bias))
                    .findFirst()
                    .orElseThrow()
                    .offset();
            float[] gradient = Arrays.copyOfRange(sum.gradient(), offset, offset + 48);
            double norm = 0;
            for (float g : gradient) {
                norm += (double) g * g;
            }
            norm = StrictMath.sqrt(norm);
            double[] losses = new double[2];
            double step = 0.02;
            for (int side = 0; side < 2; side++) {
                float[] moved = start.clone();
                for (int i = 0; i < gradient.length; i++) {
                    moved[offset + i] += (float) ((side == 0 ? step : -step) * gradient[i] / norm);
                }
                losses[side] = pass.sum(moved, 0, 0, batch).loss();
            }
            assertThat(norm).isGreaterThan(1e-3);
            assertThat((losses[0] - losses[1]) / (2 * step)).isCloseTo(norm, within(0.02 * norm));
        }
    }
}
