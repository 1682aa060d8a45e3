package org.sparklora.driver.model.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparklora.driver.job.manifest.ManifestFile;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.Architectures;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.encoder.EncoderConfig;
import org.sparklora.worker.encoder.EncoderScript;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.lora.PlainLora;
import org.sparklora.worker.safetensors.SafetensorsFile;

/** Each encoder's TorchScript on the batch of a stored run of transformers: the logits are those of transformers. */
class EncoderScriptTest {

    private static final Path GOLDEN =
            Path.of(System.getProperty("project.root", "..")).resolve("worker/src/test/resources/golden-encoders");

    @TempDir
    private Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"bert-multi-label", "roberta", "distilbert"})
    void theLogitsOfTransformers(String name) throws Exception {
        Path directory = GOLDEN.resolve(name).resolve("model");
        JsonNode json = new ObjectMapper()
                .readTree(GOLDEN.resolve(name).resolve("case.json").toFile());
        Encoder encoder = Architectures.of(EncoderConfig.read(directory), HeadInput.FIRST_TOKEN);
        float[] wanted;
        int outputs;
        try (SafetensorsFile expected =
                SafetensorsFile.open(GOLDEN.resolve(name).resolve("expected.safetensors"))) {
            wanted = expected.floats("logits");
            outputs = expected.shape("logits").get(1);
        }
        List<TensorSpec> head = encoder.head().tensors(outputs);
        Map<String, float[]> values = new HashMap<>();
        try (SafetensorsFile base = SafetensorsFile.open(directory.resolve("model.safetensors"))) {
            head.forEach(tensor -> values.put(tensor.name(), base.floats(tensor.name())));
        }
        ManifestFile manifest = new ManifestFile(
                new LoraManifest(PlainLora.INSTANCE, List.of(), BiasMode.NONE, head, List.of()),
                FreezeState.of(Map.of()),
                new TreeMap<>(),
                "",
                List.of());
        EncoderScript script = encoder.script().orElseThrow();
        try (MergedWeights merged =
                        MergedWeights.open(directory, HeadInput.FIRST_TOKEN, manifest, new AdapterSnapshot(values));
                OutputStream out = Files.newOutputStream(folder.resolve("model.pt"))) {
            TorchScriptExport.archive(script, merged, out);
        }

        JsonNode batch = json.get("forward_batch");
        try (ZooModel<NDList, NDList> model = Criteria.builder()
                        .setTypes(NDList.class, NDList.class)
                        .optModelPath(folder.resolve("model.pt"))
                        .optEngine("PyTorch")
                        .build()
                        .loadModel();
                var predictor = model.newPredictor();
                NDManager manager = NDManager.newBaseManager()) {
            NDList input = new NDList(
                    manager.create(rows(batch.get("input_ids"))), manager.create(rows(batch.get("attention_mask"))));
            if (script.readsTokenTypes()) {
                input.add(manager.create(rows(batch.get("token_type_ids"))));
            }
            assertThat(predictor.predict(input).singletonOrThrow().toFloatArray())
                    .containsExactly(wanted, within((float)
                            json.get("tolerance").get("logits_abs").asDouble()));
        }
    }

    private static long[][] rows(JsonNode matrix) {
        long[][] rows = new long[matrix.size()][];
        for (int row = 0; row < rows.length; row++) {
            rows[row] = new long[matrix.get(row).size()];
            for (int column = 0; column < rows[row].length; column++) {
                rows[row][column] = matrix.get(row).get(column).asLong();
            }
        }
        return rows;
    }
}
