package org.sparklora.worker.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDManager;
import com.google.gson.JsonArray;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.Arithmetic;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.ModelSource;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.data.TokenizerSpec;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.head.ClassificationHead;
import org.sparklora.worker.lora.PlainLora;
import org.sparklora.worker.safetensors.SafetensorsFile;

/** The vectors beside predictions are transformers' last_hidden_state, whichever of its tokens the head reads. */
class LastHiddenTest {

    private static final Path RESOURCES =
            Path.of(System.getProperty("project.root", ".."), "worker/src/test/resources");

    private static TrainedModel untrained(Path directory, int outputs) throws IOException {
        Map<String, float[]> values = new TreeMap<>();
        List<TensorSpec> head = BaseModel.shared(directory).encoder().head().tensors(outputs);
        head.forEach(tensor -> values.put(tensor.name(), new float[tensor.size()]));
        return new TrainedModel(
                new TrainedModel.Base(
                        ModelSource.everywhere(directory.toString()), BaseModel.sha256(directory), Arithmetic.DEFAULT),
                new ClassificationHead(outputs),
                new TrainedModel.Adapter(
                        new LoraManifest(PlainLora.INSTANCE, List.of(), BiasMode.NONE, head, List.of()),
                        new AdapterSnapshot(values),
                        "none"),
                new TrainedModel.Text(TokenizerSpec.read(RESOURCES.resolve("golden/models/tiny-bert-12l")), 16));
    }

    private static float[] floats(JsonArray rows) {
        float[] all = new float[rows.size() * rows.get(0).getAsJsonArray().size()];
        for (int i = 0; i < all.length; i++) {
            int width = all.length / rows.size();
            all[i] = rows.get(i / width).getAsJsonArray().get(i % width).getAsFloat();
        }
        return all;
    }

    @ParameterizedTest
    @ValueSource(strings = {"modernbert-cls", "modernbert-mean"})
    void ofTheFirstTokenAndOfEveryToken(String name) throws IOException {
        Path run = RESOURCES.resolve("golden-encoders").resolve(name);
        var batch = JsonParser.parseString(Files.readString(run.resolve("case.json")))
                .getAsJsonObject()
                .getAsJsonObject("forward_batch");
        float[] ids = floats(batch.getAsJsonArray("input_ids"));
        float[] mask = floats(batch.getAsJsonArray("attention_mask"));
        int rows = batch.getAsJsonArray("input_ids").size();
        long[] inputIds = new long[ids.length];
        Arrays.setAll(inputIds, i -> (long) ids[i]);
        float[] wanted;
        try (SafetensorsFile expected = SafetensorsFile.open(run.resolve("expected.safetensors"))) {
            wanted = expected.floats("last_hidden_state");
        }
        Torch.prepareThread();
        try (MergedModel model = MergedModel.of(untrained(run.resolve("model"), 2));
                NDManager manager = Torch.newManager()) {
            Tokens tokens = Tokens.of(manager, rows, inputIds, new long[ids.length], mask);
            float[] all = Tensors.toFloats(model.outputs(tokens, true).hidden());
            assertThat(all).containsExactly(wanted, within(5e-5f));
            float[] first = Tensors.toFloats(model.outputs(tokens, false).hidden());
            int hidden = first.length / rows;
            for (int row = 0; row < rows; row++) {
                int from = row * wanted.length / rows;
                assertThat(Arrays.copyOfRange(first, row * hidden, (row + 1) * hidden))
                        .containsExactly(Arrays.copyOfRange(wanted, from, from + hidden), within(5e-5f));
            }
            assertThat(Tensors.toFloats(model.outputs(tokens, false).logits())).containsOnly(0f);
        }
    }
}
