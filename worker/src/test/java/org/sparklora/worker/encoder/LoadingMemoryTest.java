package org.sparklora.worker.encoder;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.pickle.TorchFiles;
import org.sparklora.worker.safetensors.DType;
import org.sparklora.worker.safetensors.HalfFloats;
import org.sparklora.worker.safetensors.SafetensorsFile;
import org.sparklora.worker.safetensors.SafetensorsWriter;
import org.sparklora.worker.safetensors.Tensor;
import org.sparklora.worker.safetensors.ValueWriter;

/** Models whose largest tensor is larger than heap and direct memory together, in processes of their own. */
class LoadingMemoryTest {

    private static final Path MODEL = Path.of(
            System.getProperty("project.root", ".."), "worker/src/test/resources/golden/models/tiny-bert-2l-reg");
    private static final String EMBEDDINGS = "bert.embeddings.word_embeddings.weight";
    private static final int ROWS = 600_000;
    private static final int HIDDEN = 24;

    @TempDir
    private Path folder;

    private final SortedMap<String, Tensor> tensors = new TreeMap<>();

    @BeforeEach
    void growVocabulary() throws IOException {
        String config = Files.readString(MODEL.resolve("config.json"));
        Files.writeString(
                folder.resolve("config.json"), config.replaceAll("\"vocab_size\": *\\d+", "\"vocab_size\": " + ROWS));
        try (SafetensorsFile file = SafetensorsFile.open(MODEL.resolve("model.safetensors"))) {
            file.names().forEach(name -> tensors.put(name, file.tensor(name)));
        }
        float[] values = new float[ROWS * HIDDEN];
        for (int i = 0; i < values.length; i++) {
            values[i] = value(i);
        }
        tensors.put(EMBEDDINGS, new Tensor(List.of(ROWS, HIDDEN), values));
    }

    /** A value that each type holds exactly, and that says where it stands. */
    private static float value(int index) {
        return index % 251 / 16f;
    }

    @Test
    void torchSavedWeightsPassInPieces() throws Exception {
        TorchFiles.write(folder.resolve("pytorch_model.bin"), tensors);
        assertLoads();
    }

    @Test
    void float16WeightsPassInPieces() throws Exception {
        SortedMap<String, List<Integer>> shapes = new TreeMap<>();
        tensors.forEach((name, tensor) -> shapes.put(name, tensor.shape()));
        try (OutputStream out = Files.newOutputStream(folder.resolve("model.safetensors"))) {
            SafetensorsWriter.write(
                    out,
                    shapes,
                    DType.F16,
                    (name, to) -> ValueWriter.write(to, writer -> {
                        for (float value :
                                Objects.requireNonNull(tensors.get(name)).values()) {
                            writer.put(HalfFloats.toF16(value));
                        }
                    }));
        }
        assertLoads();
    }

    private void assertLoads() throws Exception {
        tensors.clear();
        Process child = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx40m",
                        "-XX:MaxDirectMemorySize=8m",
                        "-Dai.djl.offline=true",
                        "-cp",
                        System.getProperty("java.class.path"),
                        LoadingMemoryTest.class.getName(),
                        folder.toString())
                .redirectErrorStream(true)
                .start();
        String said = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(child.waitFor()).as(said).isZero();
        assertThat(said).contains("loaded");
    }

    /** Loads a model and looks at values from all over its largest tensor. */
    public static void main(String... args) {
        BaseModel model = BaseModel.shared(Path.of(args[0]));
        for (int row : new int[] {0, 1, 65_535, 65_536, 444_444, ROWS - 1}) {
            float[] found = Tensors.toFloats(model.weight(EMBEDDINGS).get(row));
            float[] expected = new float[HIDDEN];
            for (int i = 0; i < HIDDEN; i++) {
                expected[i] = value(row * HIDDEN + i);
            }
            if (!Arrays.equals(found, expected)) {
                throw new IllegalStateException("row " + row + " is " + Arrays.toString(found));
            }
        }
        System.out.println("loaded");
    }
}
