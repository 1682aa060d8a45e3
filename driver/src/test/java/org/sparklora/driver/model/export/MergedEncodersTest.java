package org.sparklora.driver.model.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assumptions.assumeThat;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.sparklora.driver.run.history.LocalRunDirectory;
import org.sparklora.worker.encoder.EncoderScript;
import org.sparklora.worker.safetensors.DType;

/** The stored run of each encoder, merged: the logits are PEFT's here, as TorchScript, and in transformers. */
class MergedEncodersTest {

    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    private Path folder;

    static List<GoldenEncoder> cases() throws IOException {
        return GoldenEncoder.all();
    }

    private Path merge(GoldenEncoder run) throws IOException {
        Path out = folder.resolve(run.toString());
        try (MergedWeights model = run.merged()) {
            HuggingFaceExport.write(new LocalRunDirectory(out), model, run.meaning(), DType.F32);
        }
        return out;
    }

    @ParameterizedTest
    @MethodSource("cases")
    void theMergedModelGivesPeftsLogits(GoldenEncoder run) throws IOException {
        assertThat(run.logitsOf(merge(run))).containsExactly(run.finalLogits(), within(run.tolerance()));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void torchScriptGivesPeftsLogits(GoldenEncoder run) throws Exception {
        assumeThat(run.encoder().script())
                .as("heads of whole texts are exported")
                .isPresent();
        EncoderScript script = run.encoder().script().orElseThrow();
        try (MergedWeights merged = run.merged();
                OutputStream out = Files.newOutputStream(folder.resolve("model.pt"))) {
            TorchScriptExport.archive(script, merged, out);
        }
        try (ZooModel<NDList, NDList> model = Criteria.builder()
                        .setTypes(NDList.class, NDList.class)
                        .optModelPath(folder.resolve("model.pt"))
                        .optEngine("PyTorch")
                        .build()
                        .loadModel();
                var predictor = model.newPredictor();
                NDManager manager = NDManager.newBaseManager()) {
            NDList input =
                    new NDList(manager.create(run.batch("input_ids")), manager.create(run.batch("attention_mask")));
            if (script.readsTokenTypes()) {
                input.add(manager.create(run.batch("token_type_ids")));
            }
            assertThat(predictor.predict(input).singletonOrThrow().toFloatArray())
                    .containsExactly(run.finalLogits(), within(run.tolerance()));
        }
    }

    /** Needs a Python with torch and transformers; PEFT_PYTHON names another one than python3. */
    @Test
    void transformersLoadsTheMergedModelsAndGivesPeftsLogits() throws Exception {
        String python = System.getenv().getOrDefault("PEFT_PYTHON", "python3");
        assumeThat(run(List.of(python, "-c", "import torch, transformers")))
                .as("a Python with torch and transformers")
                .isZero();
        Path script = Path.of(MergedEncodersTest.class.getResource("logits.py").toURI());
        List<String> command = new ArrayList<>(List.of(python, script.toString()));
        for (GoldenEncoder run : cases()) {
            command.addAll(List.of(merge(run).toString(), run.caseFile().toString()));
        }
        assertThat(run(command)).as(Files.readString(folder.resolve("err"))).isZero();
        List<String> lines = Files.readAllLines(folder.resolve("out"));
        assertThat(lines).hasSameSizeAs(cases());
        for (int i = 0; i < lines.size(); i++) {
            JsonNode found = JSON.readTree(lines.get(i));
            GoldenEncoder run = cases().get(i);
            assertThat(run.ofTokens(GoldenEncoder.floats(found.get("logits"))))
                    .as(run.toString())
                    .containsExactly(run.ofTokens(run.finalLogits()), within(run.tolerance()));
            assertThat(Stream.of("missing", "unexpected").map(found::get))
                    .as("tensors of %s", run)
                    .allSatisfy(names -> assertThat(names).isEmpty());
        }
    }

    private int run(List<String> command) throws InterruptedException {
        try {
            return new ProcessBuilder(command)
                    .redirectOutput(folder.resolve("out").toFile())
                    .redirectError(folder.resolve("err").toFile())
                    .start()
                    .waitFor();
        } catch (IOException e) {
            return -1; // there is no such program
        }
    }
}
