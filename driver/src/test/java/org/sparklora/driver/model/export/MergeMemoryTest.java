package org.sparklora.driver.model.export;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.run.history.LocalRunDirectory;
import org.sparklora.worker.safetensors.DType;
import org.sparklora.worker.safetensors.HalfFloats;
import org.sparklora.worker.safetensors.SafetensorsFile;
import org.sparklora.worker.safetensors.SafetensorsWriter;
import org.sparklora.worker.safetensors.Tensor;
import org.sparklora.worker.safetensors.ValueWriter;

/** Merging and exporting a model whose largest tensor is larger than heap and direct memory, in a process of its own. */
class MergeMemoryTest {

    private static final String CASE = "merge";
    private static final String EMBEDDINGS = "bert.embeddings.word_embeddings.weight";
    private static final int ROWS = 600_000;

    @TempDir
    private Path folder;

    @Test
    void embeddingsPassInPieces() throws Exception {
        GoldenRun run = GoldenRun.of(CASE);
        int hidden = grow(run);
        Process child = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx40m",
                        "-XX:MaxDirectMemorySize=8m",
                        "-Dproject.root=" + System.getProperty("project.root", ".."),
                        "-Dai.djl.offline=true",
                        "-cp",
                        System.getProperty("java.class.path"),
                        MergeMemoryTest.class.getName(),
                        folder.toString())
                .redirectErrorStream(true)
                .start();
        String said = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(child.waitFor()).as(said).isZero();
        assertThat(folder.resolve("script/model.pt")).isNotEmptyFile();
        try (SafetensorsFile merged = SafetensorsFile.open(folder.resolve("merged/model.safetensors"))) {
            float[] values = merged.floats(EMBEDDINGS);
            assertThat(values).hasSize(ROWS * hidden);
            for (int i = 0; i < values.length; i++) {
                if (values[i] != value(i)) {
                    assertThat(values[i]).as("value %d", i).isEqualTo(value(i));
                }
            }
        }
    }

    /** Copies the run's base model with more rows of embeddings, in float16; returns the values of a row. */
    private int grow(GoldenRun run) throws IOException {
        Path model = Files.createDirectories(folder.resolve("model"));
        String config = Files.readString(run.model().resolve("config.json"));
        Files.writeString(
                model.resolve("config.json"), config.replaceAll("\"vocab_size\": *\\d+", "\"vocab_size\": " + ROWS));
        Files.copy(run.model().resolve("vocab.txt"), model.resolve("vocab.txt"));
        SortedMap<String, Tensor> tensors = new TreeMap<>();
        try (SafetensorsFile file = SafetensorsFile.open(run.model().resolve("model.safetensors"))) {
            tensors.putAll(file.tensors());
        }
        SortedMap<String, List<Integer>> shapes = new TreeMap<>();
        tensors.forEach((name, tensor) -> shapes.put(name, tensor.shape()));
        int hidden = Objects.requireNonNull(shapes.get(EMBEDDINGS)).get(1);
        shapes.put(EMBEDDINGS, List.of(ROWS, hidden));
        try (OutputStream out = Files.newOutputStream(model.resolve("model.safetensors"))) {
            SafetensorsWriter.write(
                    out,
                    shapes,
                    DType.F16,
                    (name, to) -> ValueWriter.write(to, writer -> {
                        float[] small =
                                Objects.requireNonNull(tensors.get(name)).values();
                        int size = (int) Tensor.size(Objects.requireNonNull(shapes.get(name)));
                        for (int i = 0; i < size; i++) {
                            writer.put(HalfFloats.toF16(name.equals(EMBEDDINGS) ? value(i) : small[i]));
                        }
                    }));
        }
        return hidden;
    }

    private static float value(int index) {
        return index % 251 / 16f;
    }

    /** Merges the model of a folder and exports it. */
    public static void main(String... args) throws IOException {
        Path folder = Path.of(args[0]);
        GoldenRun stored = GoldenRun.of(CASE);
        GoldenRun run = new GoldenRun(folder.resolve("model"), stored.adapter(), stored.json());
        try (MergedWeights merged = run.merged()) {
            HuggingFaceExport.write(new LocalRunDirectory(folder.resolve("merged")), merged, run.meaning(), DType.F32);
            TorchScriptExport.write(
                    new LocalRunDirectory(folder.resolve("script")), merged, run.meaning(), new Serving(64, true));
        }
    }
}
