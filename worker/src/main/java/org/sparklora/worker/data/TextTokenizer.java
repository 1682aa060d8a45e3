package org.sparklora.worker.data;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.HostException;

/**
 * Converts text to token ids, with special tokens, cut to a maximum length, without padding.
 *
 * <p>Truncation is Hugging Face's {@code longest_first} from the right.
 *
 * <p>Holds native memory: close it. Not thread-safe. Downloads nothing.
 */
public final class TextTokenizer implements AutoCloseable {

    static {
        // Otherwise DJL calls a web service, and downloads a CUDA build of the tokenizer if it finds a GPU.
        setDefault("ai.djl.offline", "true");
        setDefault("RUST_FLAVOR", "cpu");
    }

    /** A pair of texts of RoBERTa has four special tokens, the most of all models. The native library fails below that. */
    public static final int MIN_LENGTH = 5;

    private final HuggingFaceTokenizer tokenizer;
    private final int padTokenId;

    private TextTokenizer(HuggingFaceTokenizer tokenizer, int padTokenId) {
        this.tokenizer = tokenizer;
        this.padTokenId = padTokenId;
    }

    /**
     * Opens a tokenizer.
     *
     * @param maxLength maximum number of tokens of a text or pair, including special tokens
     */
    public static TextTokenizer open(TokenizerSpec spec, int maxLength) {
        if (maxLength < MIN_LENGTH) {
            throw new IllegalArgumentException("model.max_length " + maxLength
                    + " leaves no room for text besides the special tokens; raise it to " + MIN_LENGTH + " or more");
        }
        return new TextTokenizer(create(spec, maxLength), spec.padTokenId());
    }

    private static HuggingFaceTokenizer create(TokenizerSpec spec, int maxLength) {
        byte[] json = spec.json().getBytes(StandardCharsets.UTF_8);
        // Without modelMaxLength, DJL would cut at 512.
        String max = Integer.toString(maxLength);
        Map<String, String> options = Map.of(
                "addSpecialTokens", "true",
                "truncation", "true",
                "padding", "false",
                "maxLength", max,
                "modelMaxLength", max);
        try {
            return HuggingFaceTokenizer.newInstance(new ByteArrayInputStream(json), options);
        } catch (IOException e) {
            throw new UncheckedIOException("the tokenizer of '" + spec.source() + "' cannot be read from memory", e);
        } catch (LinkageError e) {
            throw HostException.natives(e);
        } catch (RuntimeException e) {
            throw new IllegalArgumentException(
                    "'" + spec.source() + "' is not a tokenizer that can be loaded: " + e.getMessage()
                            + "; copy the model's tokenizer files again",
                    e);
        }
    }

    private static void setDefault(String name, String value) {
        if (System.getenv(name) == null && System.getProperty(name) == null) {
            System.setProperty(name, value);
        }
    }

    /** Tokenizes a text, or a pair of texts if the second is not null. */
    public Encoded encode(String text, @Nullable String pair) {
        long encoding = pair == null
                ? TokenizersLibrary.LIB.encode(tokenizer.getHandle(), text, true)
                : TokenizersLibrary.LIB.encodeDual(tokenizer.getHandle(), text, pair, true);
        return encoded(encoding, pair != null, false);
    }

    /** Tokenizes a text that is split into words already. No token spans two words. */
    public Encoded encodeWords(List<String> text) {
        long encoding = TokenizersLibrary.LIB.encodeList(tokenizer.getHandle(), text.toArray(new String[0]), true);
        return encoded(encoding, false, true);
    }

    private static Encoded encoded(long encoding, boolean pair, boolean byWord) {
        // DJL's own encode also copies seven arrays that are not needed here, which would take a quarter of the time.
        TokenizersLibrary library = TokenizersLibrary.LIB;
        try {
            int[] inputIds = ints(library.getTokenIds(encoding));
            int secondStart = pair ? firstOfTypeOne(library.getTypeIds(encoding)) : inputIds.length;
            int[] words = byWord ? ints(library.getWordIds(encoding)) : new int[0];
            return new Encoded(inputIds, secondStart, library.getOverflowCount(encoding) > 0, words);
        } finally {
            library.deleteEncoding(encoding);
        }
    }

    private static int[] ints(long[] values) {
        return Arrays.stream(values).mapToInt(Math::toIntExact).toArray();
    }

    private static int firstOfTypeOne(long[] types) {
        int first = 0;
        while (first < types.length && types[first] != 1) {
            first++;
        }
        return first;
    }

    /** Token id that pads shorter rows of a batch. */
    public int padTokenId() {
        return padTokenId;
    }

    @Override
    public void close() {
        tokenizer.close();
    }
}
