package org.sparklora.worker.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Every kind of tokenizer against what transformers makes of the same directory: ids of texts and pairs, whole and cut. The
 * README of the folder {@code tokenizers} says how the directories were made.
 */
class TokenizerKindsTest {

    private static final Path FOLDERS =
            Path.of(System.getProperty("project.root", "..")).resolve("worker/src/test/resources/tokenizers");

    /** As in scripts/bench. */
    private static final String PYTHON =
            Optional.ofNullable(System.getenv("PEFT_PYTHON")).orElse("python3");

    private static final ObjectMapper JSON = new ObjectMapper();

    /** What make.py cuts pairs to, without special tokens. */
    private static final int CUT = 6;

    @TempDir
    private Path dir;

    static List<Path> folders() throws IOException {
        try (Stream<Path> all = Files.list(FOLDERS)) {
            return all.filter(Files::isDirectory).sorted().toList();
        }
    }

    @ParameterizedTest
    @MethodSource("folders")
    void idsAreTransformersIds(Path folder) throws IOException {
        requireSame(
                folder,
                texts(FOLDERS.resolve("texts.json")),
                JSON.readTree(folder.resolve("expected.json").toFile()));
    }

    /** All tricky texts, with the transformers that is installed; also the directories of {@code -Dtokenizers.dir}. */
    @Test
    void idsAreThoseOfTheTransformersAtHand() throws Exception {
        assumeTrue(
                run("-c", "import transformers, google.protobuf").isPresent(),
                "skipped: no Python with transformers; name one as PEFT_PYTHON");
        Path texts = dir.resolve("texts.json");
        // A lone surrogate is no text in Python.
        JSON.writeValue(
                texts.toFile(),
                TrickyTexts.all().stream()
                        .map(t -> new String(t.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8))
                        .toList());
        List<Path> folders = new ArrayList<>(folders());
        String further = System.getProperty("tokenizers.dir", "");
        if (!further.isEmpty()) {
            try (Stream<Path> all = Files.list(Path.of(further))) {
                folders.addAll(all.sorted().toList());
            }
        }
        for (Path folder : folders) {
            String found = run(FOLDERS.resolve("make.py").toString(), "ids", folder.toString(), texts.toString())
                    .orElseThrow(() -> new AssertionError("make.py fails for " + folder));
            requireSame(folder, texts(texts), JSON.readTree(found));
        }
    }

    private static Optional<String> run(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(PYTHON));
        command.addAll(List.of(arguments));
        try {
            Process process = new ProcessBuilder(command)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return process.waitFor() == 0 ? Optional.of(out) : Optional.empty();
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private static List<String> texts(Path file) throws IOException {
        List<String> texts = new ArrayList<>();
        JSON.readTree(file.toFile()).forEach(text -> texts.add(text.asText()));
        return texts;
    }

    private static void requireSame(Path folder, List<String> texts, JsonNode expected) throws IOException {
        TokenizerSpec spec = TokenizerSpec.read(folder);
        assertThat(spec.padTokenId()).isEqualTo(expected.get("pad").asInt());
        assertThat(spec.vocabularySize()).isEqualTo(expected.get("size").asInt());
        JsonNode rows = expected.get("rows");
        assertThat(rows).hasSameSizeAs(texts);
        try (TextTokenizer whole = TextTokenizer.open(spec, 100_000);
                TextTokenizer cut =
                        TextTokenizer.open(spec, CUT + whole.encode("", "").inputIds().length)) {
            for (int i = 0; i < texts.size(); i++) {
                String text = texts.get(i);
                String pair = texts.get((i + 2) % texts.size());
                String what = folder.getFileName() + ": " + text + " | " + pair;
                JsonNode row = rows.get(i);
                assertThat(ids(whole.encode(text, null))).as(what).isEqualTo(row.get(0));
                requireSame(what, whole.encode(text, pair), row.get(1), row.get(2));
                assertThat(ids(cut.encode(text, null))).as(what).isEqualTo(row.get(3));
                requireSame(what, cut.encode(text, pair), row.get(4), row.get(5));
            }
        }
    }

    private static void requireSame(String what, Encoded encoded, JsonNode ids, JsonNode secondStart) {
        assertThat(ids(encoded)).as(what).isEqualTo(ids);
        assertThat(encoded.secondStart()).as(what).isEqualTo(secondStart.asInt());
    }

    private static JsonNode ids(Encoded encoded) {
        return JSON.valueToTree(encoded.inputIds());
    }

    /** Padding to 64 and truncation to 7 are in the file; a batch pads itself, and the job's max_length cuts. */
    @Test
    void theSettingsOfAFilesLastUseAreLeftOut() throws IOException {
        Path folder = FOLDERS.resolve("modernbert-json");
        assertThat(Files.readString(folder.resolve("tokenizer.json")))
                .contains("\"Fixed\":64", "\"max_length\":7", "\"padding\":{", "\"truncation\":{");
        assertThat(TokenizerSpec.read(folder).json()).contains("\"padding\":null", "\"truncation\":null");
    }

    @ParameterizedTest
    @ValueSource(strings = {"padding", "truncation"})
    void aFileThatPadsOrCutsAtTheLeftIsRefused(String what) throws IOException {
        String json = Files.readString(FOLDERS.resolve("modernbert-json/tokenizer.json"));
        int at = json.indexOf("Right", json.indexOf("\"" + what + "\":{"));
        Files.writeString(dir.resolve("tokenizer.json"), json.substring(0, at) + "Left" + json.substring(at + 5));
        assertThatThrownBy(() -> TokenizerSpec.read(dir))
                .hasMessageContainingAll("tokenizer.json'", what + "_side", "left", "tokenizer_config.json");
        Files.writeString(dir.resolve("tokenizer_config.json"), "{\"" + what + "_side\": \"right\"}");
        assertThat(TokenizerSpec.read(dir).padTokenId()).isEqualTo(3);
    }

    @Test
    void tokensAroundTextsMustBeThoseOfTheVocabulary() throws IOException {
        String json = Files.readString(FOLDERS.resolve("modernbert-json/tokenizer.json"));
        Files.writeString(dir.resolve("tokenizer.json"), json.replace("\"ids\":[2]", "\"ids\":[420]"));
        assertThatThrownBy(() -> TokenizerSpec.read(dir)).hasMessageContainingAll("[SEP]", "420", "gives it 2");
        Files.writeString(
                dir.resolve("tokenizer.json"), json.replace("\"tokens\":[\"[SEP]\"]", "\"tokens\":[\"[END]\"]"));
        assertThatThrownBy(() -> TokenizerSpec.read(dir)).hasMessageContainingAll("[END]", "lacks it");
    }

    /** The class in a file wins over the model's type, and that over the files. */
    @Test
    void aDirectorysKindDependsOnItsFiles() throws IOException {
        Files.copy(FOLDERS.resolve("camembert/sentencepiece.bpe.model"), dir.resolve("sentencepiece.bpe.model"));
        assertThatThrownBy(() -> TokenizerSpec.read(dir)).hasMessageContainingAll("tokenizer.json", "vocab.txt");
        TokenizerSpec camembert = TokenizerSpec.read(FOLDERS.resolve("camembert"));
        TokenizerSpec xlm = TokenizerSpec.read(FOLDERS.resolve("xlm-roberta"));
        assertThat(camembert).isNotEqualTo(xlm);
        Files.writeString(dir.resolve("config.json"), "{\"model_type\": \"camembert\"}");
        assertThat(TokenizerSpec.read(dir)).isEqualTo(camembert);
        Files.writeString(
                dir.resolve("config.json"),
                "{\"model_type\": \"camembert\", \"tokenizer_class\": \"XLMRobertaTokenizer\"}");
        assertThat(TokenizerSpec.read(dir)).isEqualTo(xlm);
        Files.writeString(dir.resolve("tokenizer_config.json"), "{\"tokenizer_class\": \"CamembertTokenizerFast\"}");
        assertThat(TokenizerSpec.read(dir)).isEqualTo(camembert);
    }

    /** Each word has the space before it that it has in a text. */
    @ParameterizedTest
    @ValueSource(strings = {"deberta-v2", "xlm-roberta", "xlm-roberta-json", "mpnet", "roberta", "modernbert-json"})
    void wordsAreThoseOfATextThatBeginsWithASpace(String folder) throws IOException {
        TokenizerSpec spec = TokenizerSpec.read(FOLDERS.resolve(folder));
        try (TextTokenizer texts = TextTokenizer.open(spec, 64);
                TextTokenizer words = TextTokenizer.open(spec.forWords(), 64)) {
            Encoded encoded = words.encodeWords(List.of("the", "supercat", "reads"));
            assertThat(encoded.inputIds())
                    .isEqualTo(texts.encode(" the supercat reads", null).inputIds());
            assertThat(encoded.labels(new float[] {1, 2, 3})).containsOnlyOnce(1, 2, 3);
        }
    }

    /** ModernBERT's vocabulary in two files gives what its tokenizer.json gives. */
    @Test
    void aByteLevelVocabularyOfModernBert() throws IOException {
        Path folder = FOLDERS.resolve("modernbert-json");
        JsonNode model =
                JSON.readTree(folder.resolve("tokenizer.json").toFile()).get("model");
        JSON.writeValue(dir.resolve("vocab.json").toFile(), model.get("vocab"));
        List<String> merges = new ArrayList<>();
        model.get("merges")
                .forEach(pair ->
                        merges.add(pair.get(0).asText() + " " + pair.get(1).asText()));
        Files.write(dir.resolve("merges.txt"), merges);
        Files.writeString(dir.resolve("config.json"), "{\"model_type\": \"modernbert\"}");
        Files.writeString(
                dir.resolve("tokenizer_config.json"),
                "{\"added_tokens_decoder\": {\"420\": {\"content\": \"    \"}, \"421\": {\"content\": \"  \"}}}");
        requireSame(
                dir,
                texts(FOLDERS.resolve("texts.json")),
                JSON.readTree(folder.resolve("expected.json").toFile()));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "{\"tokenizer_class\": \"PreTrainedTokenizerFast\"}; PreTrainedTokenizerFast",
                "{\"tokenizer_class\": \"AlbertTokenizer\"}; AlbertTokenizer",
                "{\"tokenizer_class\": \"DebertaV2Tokenizer\"}; spm.model",
                "{\"sp_model_kwargs\": {\"enable_sampling\": true}}; sp_model_kwargs",
                "{\"add_prefix_space\": false}; add_prefix_space",
                "{\"pad_token\": \"[PAD]\"}; [PAD] (pad_token)",
            })
    void whatCannotBeFollowedIsRefused(String config, String named) throws IOException {
        Files.copy(FOLDERS.resolve("xlm-roberta/sentencepiece.bpe.model"), dir.resolve("sentencepiece.bpe.model"));
        Files.writeString(dir.resolve("config.json"), "{\"model_type\": \"xlm-roberta\"}");
        Files.writeString(dir.resolve("tokenizer_config.json"), config);
        assertThatThrownBy(() -> TokenizerSpec.read(dir))
                .isInstanceOf(IOException.class)
                .hasMessageContainingAll(named, "tokenizer.json");
    }

    @Test
    void aBrokenSentencepieceModelIsNamed() throws IOException {
        Path file = dir.resolve("spm.model");
        Files.writeString(dir.resolve("config.json"), "{\"model_type\": \"deberta-v2\"}");
        Files.writeString(file, "version https://git-lfs.github.com/spec/v1\n");
        assertThatThrownBy(() -> TokenizerSpec.read(dir)).hasMessageContainingAll("spm.model'", "git lfs pull");
        byte[] whole = Files.readAllBytes(FOLDERS.resolve("deberta-v2/spm.model"));
        for (int length : new int[] {0, 1, 5, whole.length / 2, whole.length - 1}) {
            Files.write(file, Arrays.copyOf(whole, length));
            assertThatThrownBy(() -> TokenizerSpec.read(dir))
                    .as("%s bytes", length)
                    .isInstanceOf(IOException.class)
                    .hasMessageContainingAll("spm.model'", "copy");
        }
        Files.write(dir.resolve("sentencepiece.bpe.model"), whole);
        Files.writeString(dir.resolve("config.json"), "{\"model_type\": \"xlm-roberta\"}");
        assertThatThrownBy(() -> TokenizerSpec.read(dir)).hasMessageContainingAll("[CLS]", "<unk>, <s> and </s>");
    }

    /** A model as a protobuf writer that gives every field would write it, in another order, with fields that are not known. */
    @ParameterizedTest
    @CsvSource(
            nullValues = "-",
            value = {"1, 0, 1, -", "2, 0, 1, -", "3, 0, 1, model_type 3", "1, 1, 1, whitespace", "1, 0, 0, dummy_prefix"
            })
    void theFieldsOfASentencepieceModel(int algorithm, int suffix, int prefix, String refused) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        message(out, 3, bytes(3 << 3, prefix), bytes((2 << 3) | 2, 3, 'a', 'b', 'c'));
        message(
                out,
                2,
                bytes(((40 << 3) & 0x7F) | 0x80, 40 >> 4, 1),
                bytes(3 << 3, algorithm),
                bytes(((24 << 3) & 0x7F) | 0x80, 24 >> 4, suffix));
        message(out, 99, bytes((1 << 3) | 1, 0, 0, 0, 0, 0, 0, 0, 0));
        message(out, 1, bytes((1 << 3) | 2, 1, 'x'), bytes((2 << 3) | 5), score(-1.5f), bytes(3 << 3, 4));
        message(out, 1, bytes((1 << 3) | 2, 3, 0xE2, 0x96, 0x81));
        Path file = Files.write(dir.resolve("spm.model"), out.toByteArray());
        if (refused != null) {
            assertThatThrownBy(() -> SentencePieceModel.read(file)).hasMessageContainingAll("spm.model'", refused);
            return;
        }
        SentencePieceModel model = SentencePieceModel.read(file);
        assertThat(model.pieces())
                .containsExactly(new SentencePieceModel.Piece("x", -1.5f, 4), new SentencePieceModel.Piece("▁", 0, 1));
        assertThat(model.unknownId()).isEqualTo(1);
        assertThat(model.charsMap()).isEqualTo(ByteBuffer.wrap(bytes('a', 'b', 'c')));
        assertThat(model.isUnigram()).isEqualTo(algorithm == 1);
    }

    private static void message(ByteArrayOutputStream out, int number, byte[]... fields) throws IOException {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        for (byte[] field : fields) {
            body.write(field);
        }
        int key = (number << 3) | 2;
        if (key > 0x7F) {
            out.write((key & 0x7F) | 0x80);
            key >>= 7;
        }
        out.write(key);
        out.write(body.size());
        out.write(body.toByteArray());
    }

    private static byte[] score(float value) {
        return ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putFloat(value)
                .array();
    }

    private static byte[] bytes(int... values) {
        byte[] bytes = new byte[values.length];
        for (int i = 0; i < values.length; i++) {
            bytes[i] = (byte) values[i];
        }
        return bytes;
    }
}
