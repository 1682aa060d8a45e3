package org.sparklora.worker.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Pieces of texts, written out by hand from BERT's published rules (github.com/google-research/bert, tokenization.py): clean,
 * set Chinese characters apart, lower case and strip accents unless cased, split at punctuation, then the longest piece first;
 * a word that does not come out even, or has more than 100 characters, is unknown.
 */
class BertTokenizerTableTest {

    private static final List<String> VOCABULARY = List.of(
            "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "hello", "Hello", "world", "##world", "un", "##aff", "##able",
            "##a", "a", "b", "cafe", "Café", "naive", "resume", "你", "好", "中", "文", "!", ",", "，", ".", "'", "$", "-",
            "1", "##2", "don", "t", "e", "™");

    @TempDir
    private Path folder;

    static Stream<Arguments> uncased() {
        return Stream.of(
                Arguments.of("a word", "hello", "hello"),
                Arguments.of("case and punctuation", "Hello, WORLD!", "hello , world !"),
                Arguments.of("the longest piece first", "unaffable", "un ##aff ##able"),
                Arguments.of("accents, composed", "Café naïve résumé", "cafe naive resume"),
                Arguments.of("an accent of its own", "e\u0301", "e"),
                Arguments.of("Chinese characters stand alone", "中文hello你好", "中 文 hello 你 好"),
                Arguments.of("full-width punctuation", "你好，中文", "你 好 ， 中 文"),
                Arguments.of("a Chinese character beyond 16 bits", "\uD840\uDC00hello", "[UNK] hello"),
                Arguments.of("kana is no Chinese", "かな", "[UNK]"),
                Arguments.of("an emoji", "hello 😀!", "hello [UNK] !"),
                Arguments.of("a symbol is no punctuation", "a™", "[UNK]"),
                Arguments.of("ASCII symbols are", "$1", "$ 1"),
                Arguments.of("hyphens and apostrophes", "a-b don't", "a - b don ' t"),
                Arguments.of("white space of all kinds", "hello\tworld\n\u00a0hello\u3000a", "hello world hello a"),
                Arguments.of("control characters vanish", "hello\u0000world", "hello ##world"),
                Arguments.of("so do format characters", "\u200bhello", "hello"),
                Arguments.of("digits", "12", "1 ##2"),
                Arguments.of("a rest that is no piece", "hellozz", "[UNK]"),
                Arguments.of("a special token", "hello [MASK].", "hello [MASK] ."),
                Arguments.of("100 characters", "a".repeat(100), "a" + " ##a".repeat(99)),
                Arguments.of("101 characters", "a".repeat(101), "[UNK]"),
                Arguments.of("nothing", "", ""),
                Arguments.of("nothing but space", " \t ", ""));
    }

    static Stream<Arguments> cased() {
        return Stream.of(
                Arguments.of("case counts", "Hello hello", "Hello hello"),
                Arguments.of("so do accents", "Café", "Café"),
                Arguments.of("an unknown case", "WORLD", "[UNK]"),
                Arguments.of("Chinese characters stand alone", "Hello你好", "Hello 你 好"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("uncased")
    void uncased(String what, String text, String pieces) throws IOException {
        assertThat(pieces(text, true)).as(what).isEqualTo(pieces);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("cased")
    void cased(String what, String text, String pieces) throws IOException {
        assertThat(pieces(text, false)).as(what).isEqualTo(pieces);
    }

    private String pieces(String text, boolean lower) throws IOException {
        Files.write(folder.resolve("vocab.txt"), VOCABULARY);
        Files.writeString(folder.resolve("tokenizer_config.json"), "{\"do_lower_case\": " + lower + "}");
        try (TextTokenizer tokenizer = TextTokenizer.open(TokenizerSpec.read(folder), 128)) {
            List<String> all = Arrays.stream(
                            tokenizer.encode(text, null).example(0, 1, 0).inputIds())
                    .mapToObj(VOCABULARY::get)
                    .toList();
            assertThat(all).startsWith("[CLS]").endsWith("[SEP]");
            return String.join(" ", all.subList(1, all.size() - 1));
        }
    }
}
