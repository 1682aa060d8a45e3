package org.sparklora.worker.encoder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.pickle.TorchFiles;
import org.sparklora.worker.safetensors.SafetensorsFile;
import org.sparklora.worker.safetensors.SafetensorsWriter;
import org.sparklora.worker.safetensors.Tensor;
import org.sparklora.worker.safetensors.WeightsException;

/** A base model in each form that a Hugging Face directory may have. */
class WeightFilesTest {

    private static final Path ORIGINAL = Path.of("src/test/resources/golden/models/tiny-bert-2l-reg");
    private static final String SAFETENSORS = "model.safetensors";
    private static final String TORCH = "pytorch_model.bin";

    @TempDir
    private Path folder;

    private final SortedMap<String, Tensor> tensors = new TreeMap<>();

    @BeforeEach
    void readOriginal() throws IOException {
        Files.copy(ORIGINAL.resolve("config.json"), folder.resolve("config.json"));
        try (SafetensorsFile file = SafetensorsFile.open(ORIGINAL.resolve(SAFETENSORS))) {
            file.names().forEach(name -> tensors.put(name, file.tensor(name)));
        }
    }

    private static Map<String, Tensor> values(Path directory) {
        try (BaseModel model = BaseModel.open(directory)) {
            Map<String, Tensor> values = new TreeMap<>();
            for (TensorSpec weight : model.encoder().weights()) {
                values.put(weight.name(), new Tensor(weight.shape(), Tensors.toFloats(model.weight(weight.name()))));
            }
            values.put(
                    "classifier.weight",
                    new Tensor(
                            tensors(model, "classifier.weight"),
                            Tensors.toFloats(model.optional("classifier.weight").orElseThrow())));
            return values;
        }
    }

    private static List<Integer> tensors(BaseModel model, String name) {
        return Tensors.shape(model.optional(name).orElseThrow());
    }

    /** Three files and their index; every third tensor is in the same. */
    private void writeParts(String kind) throws IOException {
        List<SortedMap<String, Tensor>> parts = List.of(new TreeMap<>(), new TreeMap<>(), new TreeMap<>());
        StringBuilder map = new StringBuilder();
        int i = 0;
        for (Map.Entry<String, Tensor> e : tensors.entrySet()) {
            int part = i++ % 3;
            parts.get(part).put(e.getKey(), e.getValue());
            map.append(map.isEmpty() ? "" : ",").append("\n\"" + e.getKey() + "\": \"" + part(kind, part) + "\"");
        }
        for (int part = 0; part < 3; part++) {
            Path file = folder.resolve(part(kind, part));
            if (kind.equals(TORCH)) {
                TorchFiles.write(file, parts.get(part));
            } else {
                SafetensorsWriter.write(file, parts.get(part));
            }
        }
        Files.writeString(index(kind), "{\"metadata\": {\"total_size\": 1}, \"weight_map\": {" + map + "}}");
    }

    private static String part(String kind, int part) {
        int dot = kind.lastIndexOf('.');
        return kind.substring(0, dot) + "-0000" + (part + 1) + "-of-00003" + kind.substring(dot);
    }

    private Path index(String kind) {
        return folder.resolve(kind + ".index.json");
    }

    @ParameterizedTest
    @ValueSource(strings = {SAFETENSORS, TORCH})
    void severalFilesAreTheSameModel(String kind) throws IOException {
        writeParts(kind);
        assertThat(values(folder)).isEqualTo(values(ORIGINAL));
    }

    @Test
    void whatTorchSavedIsTheSameModel() throws IOException {
        // A pre-training head, which is not used.
        tensors.put("cls.predictions.bias", new Tensor(List.of(3), new float[3]));
        TorchFiles.write(folder.resolve(TORCH), tensors);
        assertThat(values(folder)).isEqualTo(values(ORIGINAL));
    }

    @Test
    void safetensorsComeBeforeWhatTorchSaved() throws IOException {
        SafetensorsWriter.write(folder.resolve(SAFETENSORS), tensors);
        Files.writeString(folder.resolve(TORCH), "not read");
        assertThat(values(folder)).isEqualTo(values(ORIGINAL));
        assertThat(BaseModel.sha256(folder)).isEqualTo(sha256(folder.resolve(SAFETENSORS)));
    }

    @Test
    void aPickleThatAsksForAFunctionIsRefusedAndNotRun() throws IOException {
        Path proof = folder.resolve("proof");
        Path file = folder.resolve(TORCH);
        TorchFiles.writeCall(file, "touch " + proof);
        assertThatThrownBy(() -> BaseModel.open(folder))
                .isInstanceOf(WeightsException.class)
                .hasMessageContainingAll(file.toString(), "`os.system`", "[weights.refused]");
        assertThat(proof).doesNotExist();
    }

    @Test
    void namesWhatDoesNotFitAndItsFile() throws IOException {
        tensors.remove("bert.embeddings.LayerNorm.bias");
        tensors.put("bert.pooler.dense.bias", new Tensor(List.of(2), new float[2]));
        TorchFiles.write(folder.resolve(TORCH), tensors);
        assertThatThrownBy(() -> BaseModel.open(folder))
                .isInstanceOf(ModelException.class)
                .hasMessageContainingAll(
                        folder.resolve(TORCH).toString(),
                        "'bert.embeddings.LayerNorm.bias'",
                        "'bert.pooler.dense.bias'",
                        "[2]",
                        "[24]",
                        "[model.weights]");
    }

    @Test
    void anIndexNamesFilesOfItsOwnDirectoryThatAreThere() throws IOException {
        writeParts(SAFETENSORS);
        String whole = Files.readString(index(SAFETENSORS));
        String second = part(SAFETENSORS, 1);
        Files.writeString(index(SAFETENSORS), whole.replace(second, "../" + second));
        refused("'../" + second + "'");
        Files.writeString(index(SAFETENSORS), whole.replace(second, "other.safetensors"));
        refused("'other.safetensors'");
        Files.writeString(index(SAFETENSORS), whole.replace("\"classifier.bias\"", "\"classifier.bios\""));
        refused("'classifier.bios'", part(SAFETENSORS, 0));
        Files.writeString(index(SAFETENSORS), "[]");
        assertThatThrownBy(() -> BaseModel.open(folder))
                .hasMessageContainingAll(index(SAFETENSORS).toString(), "[model.config]");
        Files.writeString(index(SAFETENSORS), "{}");
        refused("weight_map");
    }

    private void refused(String... facts) {
        assertThatThrownBy(() -> BaseModel.open(folder))
                .isInstanceOf(ModelException.class)
                .hasMessageContainingAll(index(SAFETENSORS).toString(), "[model.index]")
                .hasMessageContainingAll(facts);
    }

    @Test
    void aDirectoryWithoutWeightsSaysWhatItLacks() {
        assertThatThrownBy(() -> BaseModel.open(folder))
                .isInstanceOf(ModelException.class)
                .hasMessageContainingAll(
                        folder.toString(), "model.safetensors", "pytorch_model.bin", "[model.directory]");
    }

    @Test
    void theDigestOfOneFileIsThatFilesOwn() throws IOException {
        assertThat(BaseModel.sha256(ORIGINAL)).isEqualTo(sha256(ORIGINAL.resolve(SAFETENSORS)));
        TorchFiles.write(folder.resolve(TORCH), tensors);
        assertThat(BaseModel.sha256(folder)).isEqualTo(sha256(folder.resolve(TORCH)));
    }

    @Test
    void theDigestOfSeveralFilesCoversEachOfThem() throws IOException {
        writeParts(SAFETENSORS);
        String before = BaseModel.sha256(folder);
        StringBuilder list = new StringBuilder();
        for (int part = 0; part < 3; part++) {
            list.append(sha256(folder.resolve(part(SAFETENSORS, part))))
                    .append("  ")
                    .append(part(SAFETENSORS, part))
                    .append('\n');
        }
        list.append(sha256(index(SAFETENSORS))).append("  model.safetensors.index.json\n");
        assertThat(before).isEqualTo(hex(list.toString().getBytes(StandardCharsets.UTF_8)));
        for (String name : List.of(part(SAFETENSORS, 0), part(SAFETENSORS, 2))) {
            byte[] bytes = Files.readAllBytes(folder.resolve(name));
            bytes[bytes.length - 1] ^= 1;
            Files.write(folder.resolve(name), bytes);
            assertThat(BaseModel.sha256(folder)).isNotEqualTo(before);
            bytes[bytes.length - 1] ^= 1;
            Files.write(folder.resolve(name), bytes);
        }
        assertThat(BaseModel.sha256(folder)).isEqualTo(before);
    }

    private static String sha256(Path file) throws IOException {
        return hex(Files.readAllBytes(file));
    }

    private static String hex(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
