package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.sparklora.driver.job.manifest.ManifestFile;
import org.sparklora.driver.job.manifest.ManifestJson;
import org.sparklora.driver.model.peft.PeftAdapter;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.FreezePlan;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.data.TextTokenizer;
import org.sparklora.worker.data.TokenizerSpec;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.head.ClassificationHead;
import org.sparklora.worker.train.AdaptedModel;

/**
 * Layer 11 trains, layer 0 thaws before epoch 2, through the command line: against PEFT 0.3.0 on PyTorch, within the
 * differences that the golden folder's README gives. Another folder: -Dgolden.cli.dir=DIR.
 */
class GoldenCliTest {

    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    private Path folder;

    static Stream<Path> cases() throws IOException {
        String given = System.getProperty("golden.cli.dir", "");
        Path root = given.isEmpty() ? TrainingJob.ROOT.resolve("driver/src/test/resources/golden-cli") : Path.of(given);
        try (Stream<Path> found = Files.list(root)) {
            return found.filter(p -> Files.exists(p.resolve("expected.json"))).sorted().toList().stream();
        }
    }

    private Path job(Path golden, JsonNode expected) throws IOException {
        String yaml = TrainingJob.format(
                """
                model: {path: "%s", labels: %s, max_length: 64}
                data:
                  train: {path: "%s"}
                  order: given
                lora:
                  r: %d
                  lora_alpha: %d
                  lora_dropout: 0.0
                  init_adapter: "%s"
                  groups:
                    top: {target_modules: %s, purpose: task layer}
                    bottom: {target_modules: %s, purpose: thawed later, learning_rate_scale: %s}
                schedule:
                  live: [top]
                  events: [{epoch: %d, thaw: [bottom]}]
                training:
                  num_train_epochs: %d
                  batch_size: %d
                  shards: 2
                  learning_rate: %s
                  lr_scheduler_type: constant
                  weight_decay: %s
                  weight_decay_exclude: []
                  max_grad_norm: null
                """,
                golden.resolve("model"),
                expected.get("labels"),
                golden.resolve("train.csv"),
                expected.get("rank").asInt(),
                expected.get("alpha").asInt(),
                golden.resolve("init-adapter"),
                expected.get("top"),
                expected.get("bottom"),
                expected.get("thawScale"),
                expected.get("thawEpoch").asInt(),
                expected.get("epochs").asInt(),
                expected.get("batchSize").asInt(),
                expected.get("learningRate"),
                expected.get("weightDecay"));
        return Files.writeString(folder.resolve("job.yaml"), yaml);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void theCommandLineFollowsPyTorchStepByStep(Path golden) throws IOException {
        JsonNode expected = JSON.readTree(golden.resolve("expected.json").toFile());
        Path output = folder.resolve("run");
        TrainingJob.Ended ended = TrainingJob.train("local[2]", job(golden, expected), output);
        assertThat(ended.code()).as(ended.err()).isZero();

        List<JsonNode> steps = TrainingJob.events(output, "step");
        assertThat(steps).hasSize(expected.get("steps").size());
        for (int i = 0; i < steps.size(); i++) {
            JsonNode wanted = expected.get("steps").get(i);
            assertThat(steps.get(i).get("epoch")).isEqualTo(wanted.get("epoch"));
            assertThat(steps.get(i).get("loss").asDouble())
                    .as("loss of step " + i)
                    .isCloseTo(wanted.get("loss").asDouble(), Offset.offset(2e-5));
            double norm = wanted.get("gradNorm").asDouble();
            assertThat(steps.get(i).get("grad_norm").asDouble())
                    .as("gradient norm of step " + i)
                    .isCloseTo(norm, Offset.offset(1e-4 * norm));
        }
        compareAdapter(golden, output);
        compareLogits(golden, expected, output);
    }

    private static void compareAdapter(Path golden, Path output) {
        AdapterSnapshot wanted =
                PeftAdapter.read(golden.resolve("final-adapter")).snapshot();
        AdapterSnapshot ours = PeftAdapter.read(output.resolve("adapter")).snapshot();
        assertThat(ours.names()).isEqualTo(wanted.names());
        for (String name : wanted.names()) {
            double difference = 0;
            double norm = 0;
            for (int i = 0; i < wanted.view(name).length; i++) {
                double off = ours.view(name)[i] - (double) wanted.view(name)[i];
                difference += off * off;
                norm += (double) wanted.view(name)[i] * wanted.view(name)[i];
            }
            assertThat(Math.sqrt(difference / norm)).as(name).isLessThan(1e-3);
        }
    }

    private static void compareLogits(Path golden, JsonNode expected, Path output) throws IOException {
        ManifestFile manifest = ManifestJson.read(Files.readString(output.resolve("manifest.json")));
        AdapterSnapshot adapter = PeftAdapter.read(output.resolve("adapter")).snapshot();
        List<String> texts = Files.readAllLines(golden.resolve("train.csv"));
        List<Float> logits = new ArrayList<>();
        Torch.prepareThread();
        try (BaseModel base = BaseModel.open(golden.resolve("model"));
                TextTokenizer tokenizer = TextTokenizer.open(TokenizerSpec.read(golden.resolve("model")), 64);
                NDManager manager = Torch.newManager()) {
            FreezePlan groups = new FreezePlan(manifest.manifest(), manifest.state(), base.encoder()::layerIndex);
            AdaptedModel model = new AdaptedModel(manager, base, new ClassificationHead(2), groups, adapter, false);
            for (String line : texts.subList(1, texts.size())) {
                String text = line.substring(0, line.lastIndexOf(','));
                Batch batch = Batch.of(List.of(tokenizer.encode(text, null).example(0, 1, 0)), tokenizer.padTokenId());
                Tokens tokens = Tokens.of(manager, 1, batch.inputIds(), batch.tokenTypeIds(), batch.attentionMask());
                for (float logit : Tensors.toFloats(model.logits(tokens))) {
                    logits.add(logit);
                }
            }
        }
        List<Float> wanted = new ArrayList<>();
        expected.get("logits").forEach(row -> row.forEach(v -> wanted.add((float) v.asDouble())));
        assertThat(logits).hasSameSizeAs(wanted);
        for (int i = 0; i < wanted.size(); i++) {
            assertThat((double) logits.get(i)).as("logit " + i).isCloseTo(wanted.get(i), Offset.offset(1e-4));
        }
        assertThat(Map.copyOf(manifest.tensorDigests())).containsOnlyKeys("top", "bottom", "head");
    }
}
