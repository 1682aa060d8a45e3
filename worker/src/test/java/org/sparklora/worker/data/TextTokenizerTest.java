package org.sparklora.worker.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TextTokenizerTest {

    private static final Path ROOT = Path.of(System.getProperty("project.root", ".."));
    private static final Path TINY = ROOT.resolve("worker/src/test/resources/golden/models/tiny-bert-2l-reg");
    private static final Path STARTER = ROOT.resolve("conf/starter-bert-12l");

    @TempDir
    Path dir;

    @Test
    void bareVocabularyEqualsTokenizerJson() throws IOException {
        Path model = realTokenizer("bert-base-uncased-tokenizer");
        Files.copy(model.resolve("vocab.txt"), dir.resolve("vocab.txt"));
        assertSameTokens(TokenizerSpec.read(model), TokenizerSpec.read(dir));
    }

    @Test
    void bareCasedVocabularyEqualsTokenizerJson() throws IOException {
        Path model = realTokenizer("bert-base-chinese-tokenizer");
        Files.copy(model.resolve("vocab.txt"), dir.resolve("vocab.txt"));
        Files.writeString(dir.resolve("tokenizer_config.json"), "{\"do_lower_case\": false}");
        assertSameTokens(TokenizerSpec.read(model), TokenizerSpec.read(dir));
    }

    @ParameterizedTest
    @ValueSource(ints = {4, 5, 6, 7, 8, 11, 16, 33, 128})
    void truncatesAsTheLibraryDoes(int maxLength) throws IOException {
        TokenizerSpec spec = TokenizerSpec.read(STARTER);
        List<String> texts = TrickyTexts.all();
        Map<String, String> options = Map.of(
                "truncation",
                "true",
                "padding",
                "false",
                "maxLength",
                "" + maxLength,
                "modelMaxLength",
                "" + maxLength);
        byte[] json = spec.json().getBytes(StandardCharsets.UTF_8);
        try (TextTokenizer ours = TextTokenizer.open(spec, maxLength);
                HuggingFaceTokenizer theirs =
                        HuggingFaceTokenizer.newInstance(new ByteArrayInputStream(json), options)) {
            for (int i = 0; i < texts.size(); i++) {
                String text = texts.get(i);
                String pair = texts.get((i * 37 + 11) % texts.size());
                assertSame(ours.encode(text, null), theirs.encode(text), text);
                assertSame(ours.encode(text, pair), theirs.encode(text, pair), text + " | " + pair);
                assertThat(ours.encode(text, pair).inputIds()).hasSizeLessThanOrEqualTo(maxLength);
            }
        }
    }

    private static void assertSame(Encoded ours, Encoding theirs, String text) {
        assertThat(Arrays.stream(ours.inputIds()).asLongStream().toArray())
                .as(text)
                .isEqualTo(theirs.getIds());
        assertThat(ours.truncated()).as(text).isEqualTo(theirs.exceedMaxLength());
        long[] types = new long[ours.inputIds().length];
        Arrays.fill(types, ours.secondStart(), types.length, 1);
        assertThat(types).as(text).isEqualTo(theirs.getTypeIds());
    }

    @Test
    void goldenVocabulary() throws IOException {
        List<String> vocab = Files.readAllLines(TINY.resolve("vocab.txt"));
        TokenizerSpec spec = TokenizerSpec.read(TINY);
        assertThat(spec.vocabularySize()).isEqualTo(vocab.size());
        assertThat(spec.padTokenId()).isEqualTo(vocab.indexOf("[PAD]"));
        try (TextTokenizer tokenizer = TextTokenizer.open(spec, 32)) {
            Encoded one = tokenizer.encode("The MOVIE 中", null);
            assertThat(words(one, vocab)).containsExactly("[CLS]", "the", "movie", "[UNK]", "[SEP]");
            assertThat(one.secondStart()).isEqualTo(5);
            assertThat(one.truncated()).isFalse();
            Encoded two = tokenizer.encode("the movie", "good plot");
            assertThat(words(two, vocab)).containsExactly("[CLS]", "the", "movie", "[SEP]", "good", "plot", "[SEP]");
            assertThat(two.secondStart()).isEqualTo(4);
            assertThat(words(tokenizer.encode("", null), vocab)).containsExactly("[CLS]", "[SEP]");
        }
        try (TextTokenizer tokenizer = TextTokenizer.open(spec, 6)) {
            Encoded cut = tokenizer.encode("the the the the", "plot");
            assertThat(words(cut, vocab)).containsExactly("[CLS]", "the", "the", "[SEP]", "plot", "[SEP]");
            assertThat(cut.truncated()).isTrue();
            assertThat(cut.secondStart()).isEqualTo(4);
        }
    }

    @Test
    void configurationIsRead() throws IOException {
        Files.writeString(dir.resolve("vocab.txt"), "<pad>\n<unk>\n<s>\n</s>\nHello\nhello\nÉ\nÉt\n");
        Files.writeString(dir.resolve("tokenizer_config.json"), """
                {"do_lower_case": false, "pad_token": {"content": "<pad>"}, "unk_token": "<unk>"}""");
        Files.writeString(dir.resolve("special_tokens_map.json"), "{\"cls_token\": \"<s>\", \"sep_token\": \"</s>\"}");
        TokenizerSpec spec = TokenizerSpec.read(dir);
        assertThat(spec.padTokenId()).isZero();
        try (TextTokenizer tokenizer = TextTokenizer.open(spec, 16)) {
            assertThat(tokenizer.padTokenId()).isZero();
            assertThat(tokenizer.encode("Hello hello É HELLO", null).inputIds()).containsExactly(2, 4, 5, 6, 1, 3);
        }
    }

    @Test
    void tokenizerConfigWinsOverTokenizerJson() throws IOException {
        TokenizerSpec lower = TokenizerSpec.read(TINY);
        Files.writeString(dir.resolve("tokenizer.json"), lower.json());
        assertThat(TokenizerSpec.read(dir)).isEqualTo(lower);
        Files.writeString(dir.resolve("tokenizer_config.json"), "{\"do_lower_case\": false}");
        List<String> vocab = Files.readAllLines(TINY.resolve("vocab.txt"));
        try (TextTokenizer tokenizer = TextTokenizer.open(TokenizerSpec.read(dir), 16)) {
            assertThat(words(tokenizer.encode("THE the", null), vocab))
                    .containsExactly("[CLS]", "[UNK]", "the", "[SEP]");
        }
    }

    @Test
    void missingSpecialTokensAreNamed() throws IOException {
        Files.writeString(dir.resolve("vocab.txt"), "[PAD]\n[UNK]\nhello\n");
        assertThatThrownBy(() -> TokenizerSpec.read(dir))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("vocab.txt' (3 tokens) lacks [CLS] (cls_token), [SEP] (sep_token); ");
    }

    @Test
    void missingFilesAndBrokenFilesAreNamed() throws IOException {
        assertThatThrownBy(() -> TokenizerSpec.read(dir)).hasMessageContaining("neither tokenizer.json nor vocab.txt");
        Files.writeString(dir.resolve("tokenizer.json"), "{\"model\": ");
        assertThatThrownBy(() -> TokenizerSpec.read(dir)).hasMessageContaining("tokenizer.json' is not JSON");
        Files.writeString(dir.resolve("tokenizer.json"), "{\"model\": {\"vocab\": {\"a\": 0}}}");
        assertThatThrownBy(() -> TokenizerSpec.read(dir)).hasMessageContaining("has no post_processor");
    }

    @Test
    void refusesALengthWithoutRoomForText() throws IOException {
        TokenizerSpec spec = TokenizerSpec.read(TINY);
        assertThatThrownBy(() -> TextTokenizer.open(spec, 3)).hasMessageContaining("model.max_length 3 leaves no room");
    }

    @Test
    void linesAreCutAsPythonCutsThem() {
        assertThat(TokenizerSpec.lines("a\r\nb\n\u2028\nc\rd")).containsExactly("a", "b", "\u2028", "c", "d");
        assertThat(TokenizerSpec.lines("a\n\nb\n")).containsExactly("a", "", "b");
    }

    private static void assertSameTokens(TokenizerSpec expected, TokenizerSpec actual) {
        List<String> texts = TrickyTexts.all();
        try (TextTokenizer theirs = TextTokenizer.open(expected, 64);
                TextTokenizer ours = TextTokenizer.open(actual, 64)) {
            for (int i = 0; i < texts.size(); i++) {
                String text = texts.get(i);
                String pair = texts.get((i * 37 + 11) % texts.size());
                assertThat(ours.encode(text, null).inputIds())
                        .as(text)
                        .isEqualTo(theirs.encode(text, null).inputIds());
                assertThat(ours.encode(text, pair).example(0, 1, 0))
                        .as(text)
                        .isEqualTo(theirs.encode(text, pair).example(0, 1, 0));
            }
        }
        assertThat(actual.padTokenId()).isEqualTo(expected.padTokenId());
        assertThat(actual.vocabularySize()).isEqualTo(expected.vocabularySize());
    }

    private static Path realTokenizer(String name) {
        Path model = ROOT.resolve("../shared/models").resolve(name);
        assumeTrue(Files.exists(model.resolve("tokenizer.json")), "skipped: no " + name + " beside the project");
        return model;
    }

    private static List<String> words(Encoded encoded, List<String> vocab) {
        return Arrays.stream(encoded.inputIds()).mapToObj(vocab::get).toList();
    }
}
