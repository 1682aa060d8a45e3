package org.sparklora.driver.model.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assumptions.assumeThat;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparklora.driver.run.history.LocalRunDirectory;
import org.sparklora.worker.encoder.ModelException;
import org.sparklora.worker.safetensors.DType;

/** ONNX Runtime computes what was exported: our logits, for every encoder, in both types, for any shape of a batch. */
class OnnxExportTest {

    private static final double FLOAT32 = 1e-4;
    private static final double FLOAT16 = 2e-2;

    @TempDir
    private Path folder;

    static List<GoldenEncoder> cases() throws IOException {
        return GoldenEncoder.all();
    }

    private Path export(MergedWeights model, Outputs outputs, DType dtype) throws IOException {
        Path out = folder.resolve("onnx-" + dtype);
        OnnxExport.write(new LocalRunDirectory(out), model, outputs, dtype);
        return out.resolve("model.onnx");
    }

    /** Logits of inputs by name, row after row. */
    private static float[] logits(Path model, Map<String, long[][]> batch) throws OrtException {
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        try (OrtSession session = environment.createSession(model.toString())) {
            Map<String, OnnxTensor> inputs = new LinkedHashMap<>();
            try {
                for (String name : session.getInputNames()) {
                    inputs.put(name, OnnxTensor.createTensor(environment, batch.get(name)));
                }
                try (OrtSession.Result result = session.run(inputs)) {
                    List<Float> all = new ArrayList<>();
                    for (float[] row :
                            (float[][]) result.get("logits").orElseThrow().getValue()) {
                        for (float logit : row) {
                            all.add(logit);
                        }
                    }
                    float[] flat = new float[all.size()];
                    for (int i = 0; i < flat.length; i++) {
                        flat[i] = all.get(i);
                    }
                    return flat;
                }
            } finally {
                inputs.values().forEach(OnnxTensor::close);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void everyEncoderGivesPeftsLogits(GoldenEncoder run) throws Exception {
        assumeThat(run.encoder().script())
                .as("heads of whole texts are exported")
                .isPresent();
        Map<String, long[][]> batch = new LinkedHashMap<>();
        for (String name : List.of("input_ids", "attention_mask", "token_type_ids")) {
            if (!name.equals("token_type_ids")
                    || run.encoder().script().orElseThrow().readsTokenTypes()) {
                batch.put(name, run.batch(name));
            }
        }
        assertThat(logits(model(run, DType.F32), batch)).containsExactly(run.finalLogits(), within((float) FLOAT32));
        assertThat(logits(model(run, DType.F16), batch)).containsExactly(run.finalLogits(), within((float) FLOAT16));
    }

    /** The model alone, since stored runs have no tokenizer. */
    private Path model(GoldenEncoder run, DType dtype) throws IOException {
        Path file = folder.resolve(dtype + ".onnx");
        try (MergedWeights model = run.merged();
                OutputStream out = Files.newOutputStream(file)) {
            OnnxExport.graph(run.encoder().script().orElseThrow(), model, dtype)
                    .write(out, (name, to) -> model.write(name, dtype, to));
        }
        return file;
    }

    @ParameterizedTest
    @ValueSource(strings = {"merge", "three-class", "regression", "bias-all", "mixed-ranks", "rslora"})
    void anyShapeOfABatchIsTaken(String name) throws Exception {
        GoldenRun run = GoldenRun.of(name);
        try (MergedWeights model = run.merged()) {
            Path exported = export(model, run.meaning(), DType.F32);
            // The longest that the model has positions for is 64.
            for (int[] shape : new int[][] {{1, 1}, {1, 64}, {7, 3}, {2, 17}, {5, 64}, {32, 8}}) {
                long[][] ids = new long[shape[0]][shape[1]];
                long[][] types = new long[shape[0]][shape[1]];
                long[][] mask = new long[shape[0]][shape[1]];
                for (int r = 0; r < shape[0]; r++) {
                    int length = 1 + (r * 5 + 2) % shape[1];
                    for (int i = 0; i < length; i++) {
                        ids[r][i] = 1 + (r * 31L + i * 7L) % 150;
                        types[r][i] = i > length / 2 ? 1 : 0;
                        mask[r][i] = 1;
                    }
                }
                float[] own = run.logits(ids, types, mask);
                assertThat(logits(exported, Map.of("input_ids", ids, "attention_mask", mask, "token_type_ids", types)))
                        .as("%d x %d", shape[0], shape[1])
                        .containsExactly(own, within((float) FLOAT32));
            }
        }
    }

    @Test
    void manyWeightsGetAFileOfTheirOwn() throws Exception {
        GoldenRun run = GoldenRun.of("merge");
        long[][] ids = {{2, 5, 9, 3}};
        long[][] ones = {{1, 1, 1, 1}};
        Map<String, long[][]> batch =
                Map.of("input_ids", ids, "attention_mask", ones, "token_type_ids", new long[1][4]);
        try (MergedWeights model = run.merged()) {
            Path whole = export(model, run.meaning(), DType.F32);
            Path apart = folder.resolve("apart");
            OnnxExport.write(new LocalRunDirectory(apart), model, run.meaning(), DType.F32, 1000);
            assertThat(Files.size(apart.resolve("model.onnx")))
                    .isLessThan(Files.size(apart.resolve("model.onnx_data")));
            assertThat(logits(apart.resolve("model.onnx"), batch)).isEqualTo(logits(whole, batch));
        }
    }

    @Test
    void aModelOfTokensIsRefused() throws IOException {
        for (GoldenEncoder run : cases()) {
            if (run.encoder().script().isEmpty() || run.meaning().task().name().equals("TOKEN_CLASSIFICATION")) {
                try (MergedWeights model = run.merged()) {
                    assertThatThrownBy(() -> export(model, run.meaning(), DType.F32))
                            .isInstanceOf(ModelException.class)
                            .hasMessageContaining("cannot be exported as ONNX in this version");
                }
            }
        }
    }
}
