package org.sparklora.worker.data;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Text to token ids, with special tokens, cut to a maximum length; no padding.
 *
 * <p>Truncation is Hugging Face's {@code longest_first} from the right. It is done here rather than in the native
 * library, whose overflowing parts DJL never frees: each truncated text would leak.
 *
 * <p>Holds native memory: close it. Not thread-safe. Never downloads anything.
 */
public final class TextTokenizer implements AutoCloseable {

    static {
        // DJL asks a web service for its host's kind, and fetches a CUDA build of the tokenizer where it sees a GPU.
        setUnlessChosen("ai.djl.offline", "true");
        setUnlessChosen("RUST_FLAVOR", "cpu");
    }

    private final HuggingFaceTokenizer tokenizer;
    private final int maxLength;
    private final int padTokenId;

    private TextTokenizer(HuggingFaceTokenizer tokenizer, int maxLength, int padTokenId) {
        this.tokenizer = tokenizer;
        this.maxLength = maxLength;
        this.padTokenId = padTokenId;
    }

    /**
     * A tokenizer.
     *
     * @param maxLength most tokens of an encoded text or pair, special tokens included
     */
    public static TextTokenizer open(TokenizerSpec spec, int maxLength) {
        HuggingFaceTokenizer tokenizer = create(spec);
        TextTokenizer opened = new TextTokenizer(tokenizer, maxLength, spec.padTokenId());
        int special = tokenizer.encode("", "").getIds().length;
        if (maxLength <= special) {
            opened.close();
            throw new IllegalArgumentException("model.max_length " + maxLength + " leaves no room for text beside the "
                    + special + " special tokens of a pair; raise it to " + (special + 1) + " or more");
        }
        return opened;
    }

    private static HuggingFaceTokenizer create(TokenizerSpec spec) {
        byte[] json = spec.json().getBytes(StandardCharsets.UTF_8);
        Map<String, String> options = Map.of("addSpecialTokens", "true", "truncation", "false", "padding", "false");
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
        Encoding encoding = pair == null ? tokenizer.encode(text) : tokenizer.encode(text, pair);
        long[] ids = encoding.getIds();
        int[] kept = keep(encoding);
        int[] inputIds = new int[kept.length];
        int secondStart = kept.length;
        long[] types = encoding.getTypeIds();
        for (int i = 0; i < kept.length; i++) {
            inputIds[i] = Math.toIntExact(ids[kept[i]]);
            if (types[kept[i]] == 1 && secondStart == kept.length) {
                secondStart = i;
            }
        }
        return new Encoded(inputIds, secondStart, kept.length < ids.length);
    }

    /** Indices of the tokens that stay: all special ones, and the first of each text's own. */
    private int[] keep(Encoding encoding) {
        int length = encoding.getIds().length;
        int[] all = new int[length];
        Arrays.setAll(all, i -> i);
        if (length <= maxLength) {
            return all;
        }
        long[] special = encoding.getSpecialTokenMask();
        long[] sequence = encoding.getSequenceIds();
        int[] own = new int[2];
        for (int i = 0; i < length; i++) {
            if (special[i] == 0) {
                own[(int) sequence[i]]++;
            }
        }
        int[] left = longestFirst(own[0], own[1], maxLength - (length - own[0] - own[1]));
        return Arrays.stream(all)
                .filter(i -> special[i] != 0 || left[(int) sequence[i]]-- > 0)
                .toArray();
    }

    /**
     * Tokens that two texts may keep: the longer is cut down to the shorter, then both alike; an odd token goes to the
     * longer, or to the second of two equal ones. The rule of Hugging Face's tokenizers library.
     */
    static int[] longestFirst(int first, int second, int budget) {
        if (first + second <= budget) {
            return new int[] {first, second};
        }
        int shorter = Math.min(first, second);
        if (shorter > budget / 2) {
            int half = budget / 2;
            int rest = budget - half;
            return first > second ? new int[] {rest, half} : new int[] {half, rest};
        }
        return first > second ? new int[] {budget - shorter, shorter} : new int[] {shorter, budget - shorter};
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
