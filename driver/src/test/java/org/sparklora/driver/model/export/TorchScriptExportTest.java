package org.sparklora.driver.model.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.MalformedModelException;
import ai.djl.huggingface.translator.TextClassificationTranslatorFactory;
import ai.djl.inference.Predictor;
import ai.djl.modality.Classifications;
import ai.djl.modality.Input;
import ai.djl.modality.Output;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ModelNotFoundException;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.translate.TranslateException;
import ai.djl.util.StringPair;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparklora.driver.run.history.LocalRunDirectory;
import org.sparklora.worker.data.Encoded;
import org.sparklora.worker.data.TextTokenizer;
import org.sparklora.worker.data.TokenizerSpec;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.encoder.ModelException;

/** DJL alone loads what was exported: its engine, its translator, its reading of serving.properties. No network. */
class TorchScriptExportTest {

    private static final float WITHIN = 1e-5f;
    private static final List<String> TEXTS = List.of("great plot", "bad end , a very bad end of the movie", "movie");

    @TempDir
    private Path folder;

    private Path export(GoldenRun run, boolean pairs) throws IOException {
        return export(run, new Serving(32, pairs), folder.resolve(pairs ? "pairs" : "out"));
    }

    private static Path export(GoldenRun run, Serving serving, Path out) throws IOException {
        try (MergedWeights model = run.merged()) {
            TorchScriptExport.write(new LocalRunDirectory(out), model, run.meaning(), serving);
        }
        return out;
    }

    private static <I, O> ZooModel<I, O> load(Path directory, Class<I> in, Class<O> out)
            throws ModelNotFoundException, MalformedModelException, IOException {
        return Criteria.builder()
                .setTypes(in, out)
                .optModelPath(directory)
                .optTranslatorFactory(new TextClassificationTranslatorFactory())
                .build()
                .loadModel();
    }

    /** Without a translator. */
    private static ZooModel<NDList, NDList> plain(Path directory)
            throws ModelNotFoundException, MalformedModelException, IOException {
        return Criteria.builder()
                .setTypes(NDList.class, NDList.class)
                .optModelPath(directory)
                .build()
                .loadModel();
    }

    @ParameterizedTest
    @ValueSource(strings = {"merge", "three-class", "regression", "bias-all", "mixed-ranks", "rslora"})
    void logitsAreTheRunsOwnForEveryBatchShape(String name) throws Exception {
        GoldenRun run = GoldenRun.of(name);
        try (ZooModel<NDList, NDList> model = plain(export(run, false));
                Predictor<NDList, NDList> predictor = model.newPredictor();
                NDManager manager = NDManager.newBaseManager()) {
            // The longest that the model has positions for is 64.
            int[][] shapes = {{1, 1}, {1, 64}, {7, 3}, {2, 17}, {5, 64}, {1, 2}, {32, 8}};
            for (int[] shape : shapes) {
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
                NDList input = new NDList(manager.create(ids), manager.create(mask), manager.create(types));
                float[] logits = predictor.predict(input).singletonOrThrow().toFloatArray();
                float[] own = run.logits(ids, types, mask);
                // The run adds its pairs beside the weights, so both round; these logits reach 5 and more.
                float largest = 1;
                for (float logit : own) {
                    largest = Math.max(largest, Math.abs(logit));
                }
                assertThat(logits).as("%d x %d", shape[0], shape[1]).containsExactly(own, within(WITHIN * largest));
            }
        }
    }

    @Test
    void djlsTranslatorNamesLabelsWithProbabilities() throws Exception {
        GoldenRun run = GoldenRun.of("three-class");
        try (ZooModel<String, Classifications> model = load(export(run, false), String.class, Classifications.class);
                Predictor<String, Classifications> predictor = model.newPredictor()) {
            List<Classifications> together = predictor.batchPredict(TEXTS);
            for (int i = 0; i < TEXTS.size(); i++) {
                float[] logits = logits(run, TEXTS.get(i), null);
                double sum = 0;
                for (float logit : logits) {
                    sum += StrictMath.exp(logit);
                }
                for (Classifications found : List.of(predictor.predict(TEXTS.get(i)), together.get(i))) {
                    assertThat(found.getClassNames()).containsExactlyInAnyOrder("bad", "good", "größte");
                    List<String> labels = run.meaning().labels();
                    for (int c = 0; c < labels.size(); c++) {
                        assertThat(found.get(labels.get(c)).getProbability())
                                .isCloseTo(StrictMath.exp(logits[c]) / sum, within(1e-5));
                    }
                }
            }
        }
    }

    @Test
    void aServerGetsJson() throws Exception {
        GoldenRun run = GoldenRun.of("merge");
        // No factory: the server's types take the one of serving.properties.
        Criteria<Input, Output> criteria = Criteria.builder()
                .setTypes(Input.class, Output.class)
                .optModelPath(export(run, false))
                .build();
        try (ZooModel<Input, Output> model = criteria.loadModel();
                Predictor<Input, Output> predictor = model.newPredictor()) {
            Input input = new Input();
            input.add("great plot");
            String json = predictor.predict(input).getData().getAsString();
            assertThat(json).contains("{\"className\":\"bad\",\"probability\":");
        }
    }

    @Test
    void pairsGiveLogitsThroughTheTranslatorForPairs() throws Exception {
        GoldenRun run = GoldenRun.of("three-class");
        try (ZooModel<StringPair, float[]> model = load(export(run, true), StringPair.class, float[].class);
                Predictor<StringPair, float[]> predictor = model.newPredictor()) {
            assertThat(predictor.predict(new StringPair("great plot", "bad end")))
                    .containsExactly(logits(run, "great plot", "bad end"), within(WITHIN));
            List<float[]> both = predictor.batchPredict(List.of(
                    new StringPair("a movie", "the movie was very good"), new StringPair("great plot", "bad end")));
            assertThat(both.get(1)).containsExactly(logits(run, "great plot", "bad end"), within(WITHIN));
        }
    }

    @Test
    void aNumberComesAsASigmoidFromTheTranslatorOfClassesAndPlainFromTheOtherOne() throws Exception {
        GoldenRun run = GoldenRun.of("regression");
        float value = logits(run, "great plot", null)[0];
        try (ZooModel<String, Classifications> model = load(export(run, false), String.class, Classifications.class);
                Predictor<String, Classifications> predictor = model.newPredictor()) {
            double sigmoid = predictor.predict("great plot").get("LABEL_0").getProbability();
            assertThat(sigmoid).isCloseTo(1 / (1 + StrictMath.exp(-value)), within(1e-6));
        }
        float pair = logits(run, "great plot", "bad end")[0];
        try (ZooModel<StringPair, float[]> model = load(export(run, true), StringPair.class, float[].class);
                Predictor<StringPair, float[]> predictor = model.newPredictor()) {
            assertThat(predictor.predict(new StringPair("great plot", "bad end")))
                    .containsExactly(new float[] {pair}, within(WITHIN));
        }
    }

    @Test
    void textsAreCutWhereTrainingCutThem() throws Exception {
        GoldenRun run = GoldenRun.of("merge");
        String text = "bad movie ".repeat(40);
        Path out = export(run, new Serving(9, false), folder.resolve("short"));
        try (ZooModel<String, Classifications> model = load(out, String.class, Classifications.class);
                Predictor<String, Classifications> predictor = model.newPredictor()) {
            float[] logits = logits(run, text, null, 9);
            double good = 1 / (1 + StrictMath.exp(logits[0] - logits[1]));
            assertThat(predictor.predict(text).get("good").getProbability()).isCloseTo(good, within(1e-5));
        }
    }

    @Test
    void aTextBeyondTheModelsPositionsIsRefusedInWords() throws Exception {
        GoldenRun run = GoldenRun.of("merge");
        try (ZooModel<NDList, NDList> model = plain(export(run, false));
                Predictor<NDList, NDList> predictor = model.newPredictor();
                NDManager manager = NDManager.newBaseManager()) {
            NDList input = new NDList(
                    manager.create(new long[1][65]), manager.create(new long[1][65]), manager.create(new long[1][65]));
            assertThatThrownBy(() -> predictor.predict(input))
                    .isInstanceOf(TranslateException.class)
                    .hasStackTraceContaining("a text has more tokens than the model has positions, 64: truncate it");
        }
    }

    @Test
    void anEncoderWithoutAScriptIsRefused() {
        GoldenRun run = GoldenRun.of("merge");
        Path out = folder.resolve("out");
        try (MergedWeights model =
                MergedWeights.open(run.model(), HeadInput.EVERY_TOKEN, run.manifest(), run.values())) {
            assertThatThrownBy(() -> TorchScriptExport.write(
                            new LocalRunDirectory(out), model, run.meaning(), new Serving(32, false)))
                    .isInstanceOf(ModelException.class)
                    .hasMessageContainingAll(
                            run.model().resolve("config.json").toString(), "'bert'", "[model.unsupported]");
        }
        assertThat(out).doesNotExist();
    }

    @Test
    void entriesAreStoredAlignedAndTheSameEachTime() throws Exception {
        GoldenRun run = GoldenRun.of("merge");
        Path file = export(run, false).resolve("model.pt");
        byte[] all = Files.readAllBytes(file);
        List<String> names = new ArrayList<>();
        try (ZipFile zip = new ZipFile(file.toFile())) {
            zip.stream().forEach(entry -> {
                names.add(entry.getName());
                assertThat(entry.getMethod()).isEqualTo(ZipEntry.STORED);
            });
        }
        assertThat(names)
                .startsWith("model/data.pkl", "model/code/__torch__.py", "model/constants.pkl", "model/version");
        assertThat(names).contains("model/data/0");
        int at = 0;
        for (String name : names) {
            assertThat(little(all, at, 4)).as(name).isEqualTo(0x04034b50);
            int start = at + 30 + little(all, at + 26, 2) + little(all, at + 28, 2);
            assertThat(start % 64).as(name).isZero();
            at = start + little(all, at + 18, 4);
        }
        Path again = export(run, new Serving(32, false), folder.resolve("again"));
        for (String name : List.of("model.pt", "tokenizer.json", "serving.properties", "config.json")) {
            assertThat(again.resolve(name)).hasSameBinaryContentAs(file.resolveSibling(name));
        }
    }

    private static int little(byte[] bytes, int at, int count) {
        int value = 0;
        for (int i = count - 1; i >= 0; i--) {
            value = value << 8 | (bytes[at + i] & 0xFF);
        }
        return value;
    }

    @Test
    void thePickleNamesNothingButWhatPyTorchsOwnDo() throws Exception {
        Path file = export(GoldenRun.of("merge"), false).resolve("model.pt");
        try (ZipFile zip = new ZipFile(file.toFile())) {
            ZipEntry pickle = Objects.requireNonNull(zip.getEntry("model/data.pkl"));
            assertThat(globals(zip.getInputStream(pickle).readAllBytes()))
                    .containsExactly(
                            "__torch__ SequenceClassifier",
                            "collections OrderedDict",
                            "torch FloatStorage",
                            "torch._utils _rebuild_tensor_v2");
        }
    }

    /** What a pickle names; fails at an opcode that PyTorch's reader of archives does not know. */
    private static Set<String> globals(byte[] pickle) {
        Set<String> named = new TreeSet<>();
        int at = 0;
        while (at < pickle.length) {
            int op = pickle[at++] & 0xFF;
            switch (op) {
                case 0x80 -> at++;
                case 'c' -> {
                    int module = at;
                    while (pickle[at] != '\n') {
                        at++;
                    }
                    int name = ++at;
                    while (pickle[at] != '\n') {
                        at++;
                    }
                    named.add(new String(pickle, module, name - module - 1, StandardCharsets.US_ASCII) + " "
                            + new String(pickle, name, at - name, StandardCharsets.US_ASCII));
                    at++;
                }
                case 'X' -> at += 4 + little(pickle, at, 4);
                case 'J' -> at += 4;
                case ')', '}', '(', 't', 'Q', 'R', 'u', 'b', 0x81, 0x89 -> {}
                case '.' -> assertThat(at).isEqualTo(pickle.length);
                default -> throw new AssertionError("opcode " + op + " at " + (at - 1));
            }
        }
        return named;
    }

    @Test
    void whatServesIsWrittenBesideTheModel() throws Exception {
        Path out = export(GoldenRun.of("merge"), false);
        assertThat(out.toFile().list())
                .containsExactlyInAnyOrder("model.pt", "tokenizer.json", "serving.properties", "config.json");
        assertThat(out.resolve("serving.properties")).hasContent("""
                engine=PyTorch
                includeTokenTypes=true
                maxLength=32
                modelMaxLength=32
                padding=true
                translatorFactory=ai.djl.huggingface.translator.TextClassificationTranslatorFactory
                truncation=true
                """);
        assertThat(export(GoldenRun.of("merge"), true).resolve("serving.properties"))
                .content()
                .contains("reranking=true\nsigmoid=false\n");
        assertThat(out.resolve("tokenizer.json"))
                .content()
                .contains("\"padding\":{\"strategy\":\"BatchLongest\"")
                .contains("\"pad_token\":\"[PAD]\"");
    }

    private static float[] logits(GoldenRun run, String text, @Nullable String pair) throws IOException {
        return logits(run, text, pair, 32);
    }

    /** The run's own logits of one text or pair. */
    private static float[] logits(GoldenRun run, String text, @Nullable String pair, int maxLength) throws IOException {
        try (TextTokenizer tokenizer = TextTokenizer.open(TokenizerSpec.read(run.model()), maxLength)) {
            Encoded encoded = tokenizer.encode(text, pair);
            int[] tokens = encoded.inputIds();
            long[][] ids = new long[1][tokens.length];
            long[][] types = new long[1][tokens.length];
            long[][] mask = new long[1][tokens.length];
            for (int i = 0; i < tokens.length; i++) {
                ids[0][i] = tokens[i];
                types[0][i] = i >= encoded.secondStart() ? 1 : 0;
                mask[0][i] = 1;
            }
            return run.logits(ids, types, mask);
        }
    }
}
