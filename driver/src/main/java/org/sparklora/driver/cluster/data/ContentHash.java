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

    private final long a;
    private final long b;
    private final long c;
    private final long d;

    private ContentHash(ByteBuffer digest) {
        a = digest.getLong();
        b = digest.getLong();
        c = digest.getLong();
        d = digest.getLong();
    }

    /** Hashes text, pair, label and weight, each with its length. Weights are compared as numbers. */
    static ContentHash of(RowText content) {
        return of(content.text, content.pair, content.label, weight(content));
    }

    /** Hashes text and pair only. */
    static ContentHash ofTexts(RowText content) {
        return of(content.text, content.pair);
    }

    private static @Nullable String weight(RowText content) {
        // "1", "1.0" and a missing weight are equal.
        return content.weight == null ? "1.0" : Double.toString(Decimals.parse(content.weight));
    }

    private static ContentHash of(@Nullable String... parts) {
        MessageDigest sha = Sha256.digest();
        for (String part : parts) {
            byte[] utf8 = part == null ? new byte[0] : part.getBytes(StandardCharsets.UTF_8);
            int length = part == null ? -1 : utf8.length;
            sha.update(ByteBuffer.allocate(Integer.BYTES).putInt(length).flip());
            sha.update(utf8);
        }
        return new ContentHash(ByteBuffer.wrap(sha.digest()));
    }

    /** A 64-bit key that depends on all bits of the hash. */
    long key(long seedKey) {
        return KeyedRandom.mix(KeyedRandom.mix(KeyedRandom.mix(KeyedRandom.mix(seedKey, a), b), c), d);
    }

    /** The first 64 bits, which are uniformly distributed. */
    long prefix() {
        return a;
    }

    @Override
    public int compareTo(ContentHash other) {
        return Arrays.compareUnsigned(new long[] {a, b, c, d}, new long[] {other.a, other.b, other.c, other.d});
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof ContentHash other && a == other.a && b == other.b && c == other.c && d == other.d;
    }

    @Override
    public int hashCode() {
        return Long.hashCode(a);
    }
}
