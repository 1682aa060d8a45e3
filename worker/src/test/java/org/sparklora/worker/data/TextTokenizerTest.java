package org.sparklora.worker.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
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
    @ValueSource(ints = {5, 6, 7, 8, 11, 16, 33, 128, 600})
    void truncatesTheLongestFirst(int maxLength) throws IOException {
        TokenizerSpec spec = TokenizerSpec.read(STARTER);
        List<String> texts = TrickyTexts.all();
        try (TextTokenizer cutting = TextTokenizer.open(spec, maxLength);
                TextTokenizer whole = TextTokenizer.open(spec, 100_000)) {
            for (int i = 0; i < texts.size(); i++) {
                String text = texts.get(i);
                String pair = texts.get((i * 37 + 11) % texts.size());
                int[] a = inner(whole.encode(text, null));
                int[] b = inner(whole.encode(pair, null));

                Encoded one = cutting.encode(text, null);
                assertThat(inner(one)).as(text).isEqualTo(Arrays.copyOf(a, Math.min(a.length, maxLength - 2)));
                assertThat(one.truncated()).as(text).isEqualTo(a.length > maxLength - 2);
                assertThat(one.secondStart()).isEqualTo(one.inputIds().length);

                int[] left = longestFirst(a.length, b.length, maxLength - 3);
                Encoded two = cutting.encode(text, pair);
                int[] expected = IntStream.of(3, left[0], left[1]).toArray();
                assertThat(two.inputIds())
                        .as(text + pair)
                        .hasSize(Arrays.stream(expected).sum());
                assertThat(two.secondStart()).as(text + pair).isEqualTo(left[0] + 2);
                assertThat(Arrays.copyOfRange(two.inputIds(), 1, 1 + left[0])).isEqualTo(Arrays.copyOf(a, left[0]));
                assertThat(Arrays.copyOfRange(two.inputIds(), 2 + left[0], 2 + left[0] + left[1]))
                        .isEqualTo(Arrays.copyOf(b, left[1]));
                assertThat(two.truncated()).as(text + pair).isEqualTo(a.length + b.length > maxLength - 3);
            }
        }
    }

    /** The longer is cut to the shorter, then both alike; an odd token goes to the longer, or to the second of equals. */
    private static int[] longestFirst(int first, int second, int budget) {
        int a = first;
        int b = second;
        while (a + b > budget) {
            if (a > b || (a == b && first <= second)) {
                a--;
            } else {
                b--;
            }
        }
        return new int[] {a, b};
    }

    private static int[] inner(Encoded encoded) {
        return Arrays.copyOfRange(encoded.inputIds(), 1, encoded.inputIds().length - 1);
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

    private static final String VOCABULARY = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhello\nre\n##fund\n";

    @Test
    void addedTokensAreNotCut() throws IOException {
        Files.writeString(dir.resolve("vocab.txt"), VOCABULARY);
        Files.writeString(dir.resolve("added_tokens.json"), "{\"refund\": 9, \"[E1]\": 8}");
        Files.writeString(
                dir.resolve("special_tokens_map.json"), "{\"additional_special_tokens\": [\"[E1]\", \"[E2]\"]}");
        TokenizerSpec spec = TokenizerSpec.read(dir);
        assertThat(spec.vocabularySize()).isEqualTo(11);
        try (TextTokenizer tokenizer = TextTokenizer.open(spec, 16)) {
            // [E1] is special, so it is not lower-cased; refund is a word of the text, so it is.
            assertThat(tokenizer.encode("[E1] Hello REFUND[E2] refund", null).inputIds())
                    .containsExactly(2, 8, 5, 9, 10, 9, 3);
        }
        // A tokenizer.json that lacks them gets them, too; what tokenizer_config.json lists comes before
        // added_tokens.json.
        Files.delete(dir.resolve("added_tokens.json"));
        Files.delete(dir.resolve("special_tokens_map.json"));
        Files.writeString(dir.resolve("tokenizer.json"), TokenizerSpec.read(dir).json());
        Files.writeString(
                dir.resolve("tokenizer_config.json"),
                "{\"added_tokens_decoder\": {\"8\": {\"content\": \"[E1]\", \"special\": true}}}");
        try (TextTokenizer tokenizer = TextTokenizer.open(TokenizerSpec.read(dir), 16)) {
            assertThat(tokenizer.encode("[E1] refund", null).inputIds()).containsExactly(2, 8, 6, 7, 3);
        }
    }

    @Test
    void addedTokensThatDoNotFitAreRefused() throws IOException {
        Files.writeString(dir.resolve("vocab.txt"), VOCABULARY);
        Files.writeString(dir.resolve("added_tokens.json"), "{\"hello\": 8}");
        assertThatThrownBy(() -> TokenizerSpec.read(dir)).hasMessageContainingAll("'hello'", "8", "5");
        Files.writeString(dir.resolve("added_tokens.json"), "{\"new\": 12}");
        assertThatThrownBy(() -> TokenizerSpec.read(dir)).hasMessageContainingAll("'new'", "12");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "{\"tokenizer_class\": \"BertJapaneseTokenizer\"}; BertJapaneseTokenizer",
                "{\"tokenizer_class\": \"GPT2Tokenizer\"}; GPT2Tokenizer",
                "{\"do_basic_tokenize\": false}; do_basic_tokenize",
                "{\"never_split\": [\"x\"]}; never_split",
                "{\"padding_side\": \"left\"}; padding_side",
                "{\"truncation_side\": \"left\"}; truncation_side",
                "{\"tokenizer_class\": \"RobertaTokenizerFast\"}; vocab.json",
            })
    void settingsThatCannotBeFollowedAreRefused(String config, String named) throws IOException {
        Files.writeString(dir.resolve("vocab.txt"), VOCABULARY);
        Files.writeString(dir.resolve("tokenizer_config.json"), config);
        assertThatThrownBy(() -> TokenizerSpec.read(dir))
                .isInstanceOf(IOException.class)
                .hasMessageContaining(named);
    }

    @Test
    void theFilesNameTheTokenizerIfNoClassDoes() throws IOException {
        Files.writeString(dir.resolve("config.json"), "{\"model_type\": \"xlm-roberta\"}");
        assertThatThrownBy(() -> TokenizerSpec.read(dir)).hasMessageContainingAll("tokenizer.json", "save_pretrained");
        Files.writeString(dir.resolve("config.json"), "{\"model_type\": \"roberta\"}");
        Files.writeString(dir.resolve("vocab.txt"), VOCABULARY);
        assertThat(TokenizerSpec.read(dir).vocabularySize()).isEqualTo(8);
        // A vocab.txt of BERTweet is not WordPiece: it has none of its special tokens.
        Files.writeString(dir.resolve("vocab.txt"), "the 12\nof 9\n");
        assertThatThrownBy(() -> TokenizerSpec.read(dir)).hasMessageContainingAll("[CLS]", "tokenizer.json");
        Files.writeString(dir.resolve("config.json"), "{\"tokenizer_class\": \"CamembertTokenizer\"}");
        assertThatThrownBy(() -> TokenizerSpec.read(dir)).hasMessageContaining("CamembertTokenizer");
    }

    @Test
    void aByteLevelVocabularyInTwoFiles() throws IOException {
        Files.writeString(
                dir.resolve("vocab.json"),
                "{\"<s>\":0,\"<pad>\":1,\"</s>\":2,\"<unk>\":3,\"a\":4,\"b\":5,\"Ġ\":6,\"ab\":7,\"Ġab\":8,\"<mask>\":9}");
        Files.writeString(dir.resolve("merges.txt"), "#version: 0.2\na b\nĠ ab\n");
        Files.writeString(dir.resolve("tokenizer_config.json"), "{\"tokenizer_class\": \"RobertaTokenizer\"}");
        TokenizerSpec spec = TokenizerSpec.read(dir);
        assertThat(spec.padTokenId()).isEqualTo(1);
        try (TextTokenizer tokenizer = TextTokenizer.open(spec, 16)) {
            assertThat(tokenizer.encode("ab ab <mask>", "b").inputIds()).containsExactly(0, 7, 8, 9, 2, 2, 5, 2);
        }
        Files.writeString(
                dir.resolve("tokenizer_config.json"),
                "{\"tokenizer_class\": \"RobertaTokenizer\", \"add_prefix_space\": true}");
        try (TextTokenizer tokenizer = TextTokenizer.open(TokenizerSpec.read(dir), 16)) {
            assertThat(tokenizer.encode("ab", null).inputIds()).containsExactly(0, 8, 2);
        }
    }

    @Test
    void aVocabularyWithCapitalsThatNothingCallsCasedIsWarnedOf() throws IOException {
        Files.writeString(dir.resolve("vocab.txt"), VOCABULARY);
        assertThat(TokenizerSpec.caseWarning(dir)).isEmpty();
        Files.writeString(dir.resolve("vocab.txt"), VOCABULARY + "Hello\n");
        assertThat(TokenizerSpec.caseWarning(dir))
                .hasValueSatisfying(text -> assertThat(text).contains("do_lower_case"));
        Files.writeString(dir.resolve("tokenizer_config.json"), "{\"do_lower_case\": true}");
        assertThat(TokenizerSpec.caseWarning(dir)).isEmpty();
    }

    @Test
    void missingSpecialTokensAreNamed() throws IOException {
        Files.writeString(dir.resolve("vocab.txt"), "[PAD]\n[UNK]\nhello\n");
        assertThatThrownBy(() -> TokenizerSpec.read(dir))
                .isInstanceOf(IOException.class)
                .hasMessageContainingAll("vocab.txt'", "3 tokens", "[CLS] (cls_token)", "[SEP] (sep_token)");
    }

    @Test
    void missingFilesAndBrokenFilesAreNamed() throws IOException {
        assertThatThrownBy(() -> TokenizerSpec.read(dir)).hasMessageContainingAll("tokenizer.json", "vocab.txt");
        Files.writeString(dir.resolve("tokenizer.json"), "{\"model\": ");
        assertThatThrownBy(() -> TokenizerSpec.read(dir)).hasMessageContainingAll("tokenizer.json'", "JSON");
        Files.writeString(dir.resolve("tokenizer.json"), "{\"model\": {\"vocab\": {\"a\": 0}}}");
        assertThatThrownBy(() -> TokenizerSpec.read(dir)).hasMessageContaining("post_processor");
    }

    @Test
    void refusesALengthWithoutRoomForText() throws IOException {
        TokenizerSpec spec = TokenizerSpec.read(TINY);
        assertThatThrownBy(() -> TextTokenizer.open(spec, 4)).hasMessageContaining("model.max_length 4");
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

    /** [CLS], then a word of one piece, one of three, one that is split at its apostrophe, and one of no piece at all. */
    @Test
    void labelsOfWordsStandAtTheirFirstPieces() throws IOException {
        List<String> words = List.of("the", "plotted", "a's", "\u200b", "end");
        float[] labels = {1, 2, 3, 4, 5};
        try (TextTokenizer tokenizer = TextTokenizer.open(TokenizerSpec.read(TINY), 64)) {
            Encoded encoded = tokenizer.encodeWords(words);
            assertThat(encoded.inputIds())
                    .isEqualTo(tokenizer.encode(String.join(" ", words), null).inputIds());
            assertThat(encoded.truncated()).isFalse();
            float[] ofTokens = encoded.labels(labels);
            assertThat(ofTokens).hasSameSizeAs(encoded.inputIds());
            List<Float> counted = IntStream.range(0, ofTokens.length)
                    .mapToObj(i -> ofTokens[i])
                    .filter(label -> label != Example.IGNORED)
                    .toList();
            assertThat(counted).containsExactly(1f, 2f, 3f, 5f);
            assertThat(ofTokens[0]).isEqualTo(Example.IGNORED);
            assertThat(ofTokens[1]).isEqualTo(1);
            assertThat(ofTokens[2]).isEqualTo(2);
            int piecesOfPlotted = tokenizer.encode("plotted", null).inputIds().length - 2;
            assertThat(piecesOfPlotted).isGreaterThan(1);
            assertThat(ofTokens[2 + piecesOfPlotted]).isEqualTo(3);
            assertThat(ofTokens[ofTokens.length - 1]).isEqualTo(Example.IGNORED);
        }
    }

    @Test
    void wordsThatAreCutOffHaveNoLabel() throws IOException {
        try (TextTokenizer tokenizer = TextTokenizer.open(TokenizerSpec.read(TINY), 5)) {
            Encoded encoded = tokenizer.encodeWords(List.of("the", "end", "a", "b", "c"));
            assertThat(encoded.truncated()).isTrue();
            assertThat(encoded.labels(new float[] {1, 2, 3, 4, 5}))
                    .containsExactly(Example.IGNORED, 1, 2, 3, Example.IGNORED);
        }
    }

    /** A byte-level vocabulary of two words, each with and without the space before it. */
    @Test
    void byteLevelWordsHaveASpaceBeforeThem() throws IOException {
        String model =
                "\"model\":{\"type\":\"BPE\",\"vocab\":{\"<s>\":0,\"<pad>\":1,\"</s>\":2,\"a\":3,\"b\":4,\"\u0120\":5,"
                        + "\"\u0120a\":6,\"\u0120b\":7},\"merges\":[\"\u0120 a\",\"\u0120 b\"]}";
        Files.writeString(
                dir.resolve("tokenizer.json"),
                "{\"version\":\"1.0\",\"added_tokens\":[],\"normalizer\":null,\"pre_tokenizer\":{\"type\":\"ByteLevel\","
                        + "\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":true},\"post_processor\":{\"type\":"
                        + "\"RobertaProcessing\",\"sep\":[\"</s>\",2],\"cls\":[\"<s>\",0],\"trim_offsets\":true,"
                        + "\"add_prefix_space\":false},\"decoder\":null," + model + "}");
        TokenizerSpec spec = TokenizerSpec.read(dir);
        assertThat(spec.padTokenId()).isEqualTo(1);
        try (TextTokenizer texts = TextTokenizer.open(spec, 16);
                TextTokenizer words = TextTokenizer.open(spec.forWords(), 16)) {
            assertThat(texts.encode("a b", null).inputIds()).containsExactly(0, 3, 7, 2);
            Encoded encoded = words.encodeWords(List.of("a", "b"));
            assertThat(encoded.inputIds()).containsExactly(0, 6, 7, 2);
            assertThat(encoded.labels(new float[] {8, 9})).containsExactly(Example.IGNORED, 8, 9, Example.IGNORED);
        }
    }
}
