package org.sparklora.worker.encoder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.safetensors.DType;
import org.sparklora.worker.safetensors.SafetensorsFile;
import org.sparklora.worker.safetensors.SafetensorsWriter;
import org.sparklora.worker.safetensors.Tensor;
import org.sparklora.worker.safetensors.WeightsException;

class BaseModelTest {

    private static final Path MODELS =
            Path.of(System.getProperty("project.root", ".."), "worker/src/test/resources/golden/models");
    private static final Path TWO_LAYERS = MODELS.resolve("tiny-bert-2l-reg");

    private static final String QUERY = "bert.encoder.layer.0.attention.self.query.weight";

    @TempDir
    private Path folder;

    private SortedMap<String, Tensor> tensors = new TreeMap<>();

    @BeforeEach
    void copyModel() throws IOException {
        Files.copy(TWO_LAYERS.resolve("config.json"), folder.resolve("config.json"));
        try (SafetensorsFile file = SafetensorsFile.open(TWO_LAYERS.resolve("model.safetensors"))) {
            for (String name : file.names()) {
                tensors.put(name, file.tensor(name));
            }
        }
    }

    private BaseModel open() throws IOException {
        SafetensorsWriter.write(weights(), tensors);
        return BaseModel.open(folder);
    }

    private Path weights() {
        return folder.resolve("model.safetensors");
    }

    /** The encoder's weights by name. */
    private static Map<String, Tensor> values(BaseModel model) {
        Map<String, Tensor> values = new TreeMap<>();
        for (TensorSpec weight : model.encoder().weights()) {
            values.put(weight.name(), new Tensor(weight.shape(), Tensors.toFloats(model.weight(weight.name()))));
        }
        return values;
    }

    private Map<String, Tensor> original() {
        try (BaseModel model = BaseModel.open(TWO_LAYERS)) {
            return values(model);
        }
    }

    @Test
    void namesTheWeightsThatAreMissingOrMisshapen() {
        tensors.remove(QUERY);
        tensors.put("bert.pooler.dense.bias", new Tensor(List.of(2), new float[2]));
        assertThatThrownBy(this::open)
                .isInstanceOf(ModelException.class)
                .hasMessageContainingAll(
                        weights().toString(),
                        "'" + QUERY + "'",
                        "'bert.pooler.dense.bias'",
                        "[2]",
                        "[24]",
                        "[model.weights]");
    }

    @Test
    void namesThreeOfManyProblems() {
        tensors.clear();
        assertThatThrownBy(this::open)
                .isInstanceOf(ModelException.class)
                .hasMessageContaining("'bert.embeddings.LayerNorm.bias'")
                .hasMessageContaining(" 34 more");
    }

    @Test
    void refusesWeightsThatAreNoFloats() throws IOException {
        writeAs(DType.I32);
        assertThatThrownBy(() -> BaseModel.open(folder))
                .isInstanceOf(WeightsException.class)
                .hasMessageContainingAll(weights().toString(), "I32", "[weights.dtype]");
    }

    @ParameterizedTest
    @EnumSource(names = {"F16", "BF16"})
    void halfPrecisionIsWidenedExactly(DType type) throws IOException {
        // Only values that the type holds, so that nothing but the reading is tested.
        tensors.replaceAll((name, tensor) -> {
            float[] values = tensor.values();
            for (int i = 0; i < values.length; i++) {
                values[i] = Math.round(values[i] * 64) / 64f;
            }
            return new Tensor(tensor.shape(), values);
        });
        Map<String, Tensor> wide;
        try (BaseModel model = open()) {
            wide = values(model);
        }
        writeAs(type);
        try (BaseModel model = BaseModel.open(folder)) {
            assertThat(values(model)).isEqualTo(wide);
        }
    }

    @Test
    void oldSpellingsAndBareNamesAreTheSameModel() throws IOException {
        Map<String, Tensor> original = original();
        SortedMap<String, Tensor> old = new TreeMap<>();
        tensors.forEach((name, tensor) -> old.put(
                name.replaceFirst("^bert\\.", "")
                        .replace("LayerNorm.weight", "LayerNorm.gamma")
                        .replace("LayerNorm.bias", "LayerNorm.beta"),
                tensor));
        assertThat(old.keySet()).contains("embeddings.LayerNorm.gamma", "pooler.dense.bias");
        tensors = old;
        try (BaseModel model = open()) {
            assertThat(values(model)).isEqualTo(original);
        }
    }

    @Test
    void whatFineTuningDoesNotUseIsIgnored() throws IOException {
        tensors.put("bert.embeddings.position_ids", new Tensor(List.of(1, 64), new float[64]));
        tensors.put("cls.predictions.bias", new Tensor(List.of(200), new float[200]));
        try (BaseModel model = open()) {
            assertThat(values(model)).isEqualTo(original());
            assertThat(model.optional("bert.embeddings.position_ids")).isEmpty();
            assertThat(model.optional("cls.predictions.bias")).isEmpty();
            assertThat(model.optional("classifier.weight")).isPresent();
            assertThatThrownBy(() -> model.weight("cls.predictions.bias"))
                    .hasMessageContaining("'cls.predictions.bias'");
        }
    }

    @Test
    void sharedModelsAreLoadedOnce() throws IOException {
        BaseModel first = BaseModel.shared(TWO_LAYERS);
        assertThat(BaseModel.shared(TWO_LAYERS.resolve("../tiny-bert-2l-reg"))).isSameAs(first);
        assertThatThrownBy(() -> BaseModel.shared(folder)).isInstanceOf(ModelException.class);
        // A failure is not kept: the directory may have been completed since.
        SafetensorsWriter.write(weights(), tensors);
        assertThat(values(BaseModel.shared(folder))).isEqualTo(values(first));
    }

    @Test
    void replacedWeightsAreAnotherModel() throws IOException {
        SafetensorsWriter.write(weights(), tensors);
        Map<String, Tensor> first = values(BaseModel.shared(folder));
        Map<String, Tensor> doubled = doubleAll();

        Path other = folder.resolve("other");
        SafetensorsWriter.write(other, tensors);
        Files.move(other, weights(), StandardCopyOption.REPLACE_EXISTING);
        assertThat(values(BaseModel.shared(folder))).isEqualTo(doubled).isNotEqualTo(first);
    }

    @Test
    void weightsThatAreOverwrittenInPlaceAreAnotherModel() throws IOException {
        SafetensorsWriter.write(weights(), tensors);
        Files.setLastModifiedTime(weights(), FileTime.fromMillis(1_000_000));
        BaseModel.shared(folder);
        Map<String, Tensor> doubled = doubleAll();
        SafetensorsWriter.write(weights(), tensors);
        assertThat(values(BaseModel.shared(folder))).isEqualTo(doubled);
    }

    private Map<String, Tensor> doubleAll() {
        tensors.replaceAll((name, tensor) -> {
            float[] values = tensor.values();
            for (int i = 0; i < values.length; i++) {
                values[i] *= 2;
            }
            return new Tensor(tensor.shape(), values);
        });
        Map<String, Tensor> doubled = new TreeMap<>(tensors);
        doubled.keySet().removeIf(name -> name.startsWith("classifier"));
        return doubled;
    }

    /** Writes the tensors with another element type: F16 and BF16 exactly for small multiples of 1/64. */
    private void writeAs(DType type) throws IOException {
        List<String> entries = new ArrayList<>();
        int end = 0;
        for (Map.Entry<String, Tensor> e : tensors.entrySet()) {
            int begin = end;
            end += e.getValue().size() * type.bytes();
            entries.add(String.format(
                    java.util.Locale.ROOT,
                    "\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}",
                    e.getKey(),
                    type,
                    e.getValue().shape(),
                    begin,
                    end));
        }
        byte[] header = ("{" + String.join(",", entries) + "}").getBytes(StandardCharsets.UTF_8);
        ByteBuffer data = ByteBuffer.allocate(8 + header.length + end).order(ByteOrder.LITTLE_ENDIAN);
        data.putLong(header.length).put(header);
        for (Tensor tensor : tensors.values()) {
            for (float value : tensor.values()) {
                switch (type) {
                    case F16 -> data.putShort(f16(value));
                    case BF16 -> data.putShort((short) (Float.floatToRawIntBits(value) >>> 16));
                    default -> data.putInt((int) value);
                }
            }
        }
        try (OutputStream out = Files.newOutputStream(weights())) {
            out.write(data.array());
        }
    }

    /** Sign, exponent from bias 127 to bias 15, the first ten bits of the fraction; for values that need no more. */
    private static short f16(float value) {
        int bits = Float.floatToRawIntBits(value);
        int sign = (bits >>> 16) & 0x8000;
        int exponent = Math.getExponent(value) + 15;
        return (short) (value == 0f ? sign : sign | (exponent << 10) | ((bits >>> 13) & 0x3ff));
    }
}
