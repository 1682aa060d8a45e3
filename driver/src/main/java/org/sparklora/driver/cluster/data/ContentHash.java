package org.sparklora.driver.cluster.data;

import java.io.Serializable;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.KeyedRandom;
import org.sparklora.worker.contract.Sha256;

/** SHA-256 of the content of a row. Rows with equal content have equal hashes, whichever file they come from. */
final class ContentHash implements Serializable, Comparable<ContentHash> {

    private static final long serialVersionUID = 1L;

    private final long[] words = new long[4];

    private ContentHash(@Nullable String... parts) {
        MessageDigest sha = Sha256.digest();
        for (String part : parts) {
            byte[] utf8 = part == null ? new byte[0] : part.getBytes(StandardCharsets.UTF_8);
            int length = part == null ? -1 : utf8.length;
            sha.update(ByteBuffer.allocate(Integer.BYTES).putInt(length).flip());
            sha.update(utf8);
        }
        ByteBuffer.wrap(sha.digest()).asLongBuffer().get(words);
    }

    /** Hashes text, pair, label and weight, each with its length. Weights are compared as numbers. */
    static ContentHash of(RowText content) {
        // "1", "1.0" and a missing weight are equal.
        String weight = content.weight() == null ? "1.0" : Double.toString(Decimals.parse(content.weight()));
        return new ContentHash(content.text(), content.pair(), content.label(), weight);
    }

    /** Hashes text and pair only. */
    static ContentHash ofTexts(RowText content) {
        return new ContentHash(content.text(), content.pair());
    }

    /** Hashes text, pair, label and weight as they are written, and the row's place where it counts. */
    static ContentHash exact(InputRow row, boolean placed) {
        RowText content = row.content();
        Place place = row.place();
        return new ContentHash(
                content.text(),
                content.pair(),
                content.label(),
                content.weight(),
                placed ? place.file() : null,
                placed ? Long.toString(place.offset()) : null);
    }

    /** A 64-bit key that depends on all bits of the hash. */
    long key(long seedKey) {
        long key = seedKey;
        for (long word : words) {
            key = KeyedRandom.mix(key, word);
        }
        return key;
    }

    /** Adds the four words of the hash to a sum of hashes, which does not depend on their order. */
    void addTo(long[] sum, int from) {
        for (int word = 0; word < words.length; word++) {
            sum[from + word] += words[word];
        }
    }

    /** The first 64 bits, which are uniformly distributed. */
    long prefix() {
        return words[0];
    }

    @Override
    public int compareTo(ContentHash other) {
        return Arrays.compareUnsigned(words, other.words);
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof ContentHash other && Arrays.equals(words, other.words);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(words);
    }
}
