package org.sparklora.worker.data;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Text to token ids, with special tokens, cut to a maximum length; no padding.
 *
 * <p>Truncation is Hugging Face's {@code longest_first} from the right.
 *
 * <p>Holds native memory: close it. Not thread-safe. Never downloads anything.
 */
public final class TextTokenizer implements AutoCloseable {

    static {
        // DJL asks a web service for its host's kind, and fetches a CUDA build of the tokenizer where it sees a GPU.
        setUnlessChosen("ai.djl.offline", "true");
        setUnlessChosen("RUST_FLAVOR", "cpu");
    }

    /** A pair of RoBERTa has four special tokens, the most there are; below them the native library misbehaves. */
    public static final int LEAST_LENGTH = 5;

    private final HuggingFaceTokenizer tokenizer;
    private final int padTokenId;

    private TextTokenizer(HuggingFaceTokenizer tokenizer, int padTokenId) {
        this.tokenizer = tokenizer;
        this.padTokenId = padTokenId;
    }

    /**
     * A tokenizer.
     *
     * @param maxLength most tokens of an encoded text or pair, special tokens included
     */
    public static TextTokenizer open(TokenizerSpec spec, int maxLength) {
        if (maxLength < LEAST_LENGTH) {
            throw new IllegalArgumentException("model.max_length " + maxLength
                    + " leaves no room for text beside the special tokens; raise it to " + LEAST_LENGTH + " or more");
        }
        return new TextTokenizer(create(spec, maxLength), spec.padTokenId());
    }

    private static HuggingFaceTokenizer create(TokenizerSpec spec, int maxLength) {
        byte[] json = spec.json().getBytes(StandardCharsets.UTF_8);
        // modelMaxLength would cut at 512 whatever maxLength says.
        String most = Integer.toString(maxLength);
        Map<String, String> options = Map.of(
                "addSpecialTokens",
                "true",
                "truncation",
                "true",
                "padding",
                "false",
                "maxLength",
                most,
                "modelMaxLength",
                most);
        try {
            return HuggingFaceTokenizer.newInstance(new ByteArrayInputStream(json), options);
        } catch (IOException e) {
            throw new UncheckedIOException("the tokenizer of '" + spec.source() + "' cannot be read from memory", e);
        } catch (RuntimeException e) {
            throw new IllegalArgumentException(
                    "'" + spec.source() + "' is not a tokenizer that can be loaded: " + e.getMessage()
                            + "; copy the model's tokenizer files again",
                    e);
        }
    }

    private static void setUnlessChosen(String name, String value) {
        if (System.getenv(name) == null && System.getProperty(name) == null) {
            System.setProperty(name, value);
        }
    }

    /** Tokens of a text, or of a pair where the second is not null. */
    public Encoded encode(String text, @Nullable String pair) {
        // DJL's own encode copies seven more arrays out of native memory, token texts and character spans among them: a
        // quarter of the time, for nothing that is used here.
        TokenizersLibrary library = TokenizersLibrary.LIB;
        long encoding = pair == null
                ? library.encode(tokenizer.getHandle(), text, true)
                : library.encodeDual(tokenizer.getHandle(), text, pair, true);
        try {
            int[] inputIds = ints(library.getTokenIds(encoding));
            int secondStart = pair == null ? inputIds.length : firstOfTypeOne(library.getTypeIds(encoding));
            return new Encoded(inputIds, secondStart, library.getOverflowCount(encoding) > 0);
        } finally {
            library.deleteEncoding(encoding);
        }
    }

    /** Tokens of a text that is cut into words already; no token spans two of them. */
    public Encoded encodeWords(List<String> words) {
        TokenizersLibrary library = TokenizersLibrary.LIB;
        long encoding = library.encodeList(tokenizer.getHandle(), words.toArray(new String[0]), true);
        try {
            int[] inputIds = ints(library.getTokenIds(encoding));
            int[] ofTokens = ints(library.getWordIds(encoding));
            return new Encoded(inputIds, inputIds.length, library.getOverflowCount(encoding) > 0, ofTokens);
        } finally {
            library.deleteEncoding(encoding);
        }
    }

    private static int[] ints(long[] values) {
        int[] ints = new int[values.length];
        for (int i = 0; i < ints.length; i++) {
            ints[i] = Math.toIntExact(values[i]);
        }
        return ints;
    }

    private static int firstOfTypeOne(long[] types) {
        int first = 0;
        while (first < types.length && types[first] != 1) {
            first++;
        }
        return first;
    }

    /** Id that fills a batch's shorter rows. */
    public int padTokenId() {
        return padTokenId;
    }

    @Override
    public void close() {
        tokenizer.close();
    }
}
