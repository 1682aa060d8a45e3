package org.sparklora.driver.model.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.sparklora.driver.job.manifest.ManifestFile;
import org.sparklora.driver.run.history.LocalRunDirectory;
import org.sparklora.driver.run.history.OutputException;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.encoder.ModelException;
import org.sparklora.worker.safetensors.DType;
import org.sparklora.worker.safetensors.HalfFloats;
import org.sparklora.worker.safetensors.SafetensorsFile;

class HuggingFaceExportTest {

    private static final String QUERY = "bert.encoder.layer.0.attention.self.query";

    @TempDir
    private Path folder;

    private Path write(GoldenRun run, DType dtype) throws IOException {
        return write(run, run.merged(), dtype);
    }

    private Path write(GoldenRun run, MergedWeights merged, DType dtype) throws IOException {
        Path out = folder.resolve("out");
        try (MergedWeights model = merged) {
            HuggingFaceExport.write(new LocalRunDirectory(out), model, run.meaning(), dtype);
        }
        return out;
    }

    static List<String> cases() throws IOException {
        return GoldenRun.names();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void theMergedModelGivesPeftsLogits(String name) throws IOException {
        GoldenRun run = GoldenRun.of(name);
        float[] logits = GoldenRun.logits(
                write(run, DType.F32),
                run.head(),
                run.evaluation("input_ids"),
                run.evaluation("token_type_ids"),
                run.evaluation("attention_mask"));
        for (String expected : List.of("merged_logits", "logits")) {
            assertThat(logits).as(expected).containsExactly(run.expected(expected), within((float) run.tolerance()));
        }
    }

    @Test
    void mergedWeightsAreThoseOfMergeAndUnload() throws IOException {
        GoldenRun run = GoldenRun.of("merge");
        Path out = write(run, DType.F32);
        try (SafetensorsFile ours = SafetensorsFile.open(out.resolve("model.safetensors"));
                SafetensorsFile base = SafetensorsFile.open(run.model().resolve("model.safetensors"));
                SafetensorsFile peft = SafetensorsFile.open(run.file("merged_weights.safetensors"))) {
            assertThat(peft.names()).hasSize(14);
            for (String name : peft.names()) {
                String ourName = name.replace("base_model.model.", "");
                // PEFT adds in float32 twice; we round once.
                assertThat(ours.floats(ourName)).as(name).containsExactly(peft.floats(name), within(3e-7f));
            }
            assertThat(ours.names()).isEqualTo(base.names());
            int same = 0;
            for (String name : base.names()) {
                if (java.util.Arrays.equals(ours.floats(name), base.floats(name))) {
                    same++;
                }
            }
            // Six merged weights, and the head.
            assertThat(same).isEqualTo(base.names().size() - 8);
            assertThat(ours.metadata()).containsExactly(Map.entry("format", "pt"));
        }
    }

    @Test
    void configAndTokenizerAreTheBasesWithTheHeadsMeaning() throws IOException {
        GoldenRun run = GoldenRun.of("three-class");
        byte[] before = Files.readAllBytes(run.model().resolve("config.json"));
        Path out = write(run, DType.F32);
        assertThat(out.toFile().list()).containsExactlyInAnyOrder("config.json", "model.safetensors", "vocab.txt");
        JsonNode config = new ObjectMapper().readTree(out.resolve("config.json").toFile());
        assertThat(config.get("architectures").toString()).isEqualTo("[\"BertForSequenceClassification\"]");
        assertThat(config.get("id2label").toString()).isEqualTo("{\"0\":\"bad\",\"1\":\"good\",\"2\":\"größte\"}");
        assertThat(config.get("label2id").toString()).isEqualTo("{\"bad\":0,\"good\":1,\"größte\":2}");
        assertThat(config.get("num_labels").asInt()).isEqualTo(3);
        assertThat(config.get("problem_type").asText()).isEqualTo("single_label_classification");
        assertThat(config.get("torch_dtype").asText()).isEqualTo("float32");
        JsonNode base = new ObjectMapper().readTree(before);
        base.fieldNames().forEachRemaining(key -> {
            if (!List.of("id2label", "label2id", "problem_type").contains(key)) {
                assertThat(config.get(key)).as(key).isEqualTo(base.get(key));
            }
        });
        assertThat(out.resolve("vocab.txt")).hasSameBinaryContentAs(run.model().resolve("vocab.txt"));
        assertThat(run.model().resolve("config.json")).hasBinaryContent(before);
    }

    @Test
    void aNumberHasOneOutput() throws IOException {
        Path out = write(GoldenRun.of("regression"), DType.F32);
        JsonNode config = new ObjectMapper().readTree(out.resolve("config.json").toFile());
        assertThat(config.get("problem_type").asText()).isEqualTo("regression");
        assertThat(config.get("num_labels").asInt()).isEqualTo(1);
        assertThat(config.get("id2label").toString()).isEqualTo("{\"0\":\"LABEL_0\"}");
    }

    @Test
    void halfPrecisionIsRoundedOnce() throws IOException {
        GoldenRun run = GoldenRun.of("merge");
        Path out = write(run, DType.F16);
        try (SafetensorsFile half = SafetensorsFile.open(out.resolve("model.safetensors"));
                SafetensorsFile base = SafetensorsFile.open(run.model().resolve("model.safetensors"))) {
            float[] w = base.floats(QUERY + ".weight");
            float[] a = run.values().view(QUERY + ".lora_A.weight");
            float[] b = run.values().view(QUERY + ".lora_B.weight");
            float[] expected = new float[w.length];
            for (int i = 0; i < w.length; i++) {
                double delta = 0;
                for (int r = 0; r < 4; r++) {
                    delta += (double) b[i / 32 * 4 + r] * a[r * 32 + i % 32];
                }
                expected[i] = HalfFloats.fromF16(HalfFloats.toF16(w[i] + delta * 2.0));
            }
            assertThat(half.floats(QUERY + ".weight")).containsExactly(expected);
            assertThat(half.dtype(QUERY + ".weight")).isEqualTo(DType.F16);
        }
        assertThat(Files.readString(out.resolve("config.json"))).contains("\"torch_dtype\": \"float16\"");
        assertThat(Files.size(out.resolve("model.safetensors")))
                .isLessThan(Files.size(run.model().resolve("model.safetensors")) * 6 / 10);
    }

    @Test
    void aValueBeyondHalfPrecisionIsRefusedAndNothingIsLeft() throws IOException {
        GoldenRun run = GoldenRun.of("merge");
        float[] bias = run.values().values("classifier.bias");
        bias[1] = -70_000f;
        AdapterSnapshot large = run.values().with(new AdapterSnapshot(Map.of("classifier.bias", bias)));
        assertThatThrownBy(() -> write(
                        run, MergedWeights.open(run.model(), HeadInput.FIRST_TOKEN, run.manifest(), large), DType.F16))
                .isInstanceOf(ModelException.class)
                .hasMessageContainingAll("'classifier.bias'", "-70000.0", "65504", "[model.float16]");
        assertThat(folder.resolve("out")).isEmptyDirectory();
        assertThat(write(run, MergedWeights.open(run.model(), HeadInput.FIRST_TOKEN, run.manifest(), large), DType.F32))
                .isNotEmptyDirectory();
    }

    @Test
    void aDormantGroupChangesNoWeight() throws IOException {
        GoldenRun run = GoldenRun.of("merge");
        ManifestFile trained = run.manifest();
        ManifestFile dormant = new ManifestFile(
                trained.manifest(),
                FreezeState.of(Map.of("all", GroupState.DORMANT)),
                new TreeMap<>(),
                "",
                trained.labels());
        AdapterSnapshot head = run.values().only(name -> name.startsWith("classifier."));
        Path out = write(run, MergedWeights.open(run.model(), HeadInput.FIRST_TOKEN, dormant, head), DType.F32);
        try (SafetensorsFile ours = SafetensorsFile.open(out.resolve("model.safetensors"));
                SafetensorsFile base = SafetensorsFile.open(run.model().resolve("model.safetensors"))) {
            assertThat(ours.floats(QUERY + ".weight")).containsExactly(base.floats(QUERY + ".weight"));
            assertThat(ours.floats("classifier.weight")).containsExactly(head.view("classifier.weight"));
        }
    }

    @Test
    void oldSpellingsBecomeTodaysAndWhatIsNotUsedStaysBehind() throws IOException {
        GoldenRun run = GoldenRun.of("regression");
        Path legacy = run.model().resolveSibling("tiny-bert-2l-legacy");
        ManifestFile trained = run.manifest();
        // The legacy model is another one of another size: the head alone is taken along.
        ManifestFile headOnly = new ManifestFile(
                trained.manifest(), FreezeState.of(Map.of("all", GroupState.DORMANT)), new TreeMap<>(), "", List.of());
        AdapterSnapshot head = run.values().only(name -> name.startsWith("classifier."));
        Path out = write(run, MergedWeights.open(legacy, HeadInput.FIRST_TOKEN, headOnly, head), DType.F32);
        try (SafetensorsFile ours = SafetensorsFile.open(out.resolve("model.safetensors"))) {
            assertThat(ours.names())
                    .contains("bert.embeddings.LayerNorm.weight", "classifier.weight")
                    .noneMatch(name ->
                            name.endsWith(".gamma") || name.startsWith("cls.") || name.contains("position_ids"));
        }
    }

    @Test
    void aDirectoryThatHoldsAnythingIsRefused() throws IOException {
        Path out = Files.createDirectory(folder.resolve("out"));
        Files.writeString(out.resolve("thesis.txt"), "chapter 1");
        assertThatThrownBy(() -> write(GoldenRun.of("merge"), DType.F32))
                .isInstanceOf(OutputException.class)
                .hasMessageContainingAll(out.toString(), "thesis.txt", "[output.not-empty]");
        assertThat(out.resolve("thesis.txt")).hasContent("chapter 1");
    }
}
