package org.sparklora.worker.contract;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;

/**
 * Random numbers that depend on a key and a counter alone, not on earlier draws: adding, removing or delaying a group
 * changes no other number.
 *
 * <p>A key is the first 64 bits of SHA-256(seed, name); number {@code i} of a key is {@link #mix mix(key, i)}, the
 * SplitMix64 output function (Steele, Lea, Flood 2014, with Stafford's variant 13 constants) at position {@code i}.
 *
 * <p>Pure functions, safe from any thread.
 */
public final class KeyedRandom {

    private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;

    private KeyedRandom() {}

    /** The key of a name under a seed. */
    public static long key(long seed, String name) {
        MessageDigest sha = Sha256.digest();
        sha.update(ByteBuffer.allocate(Long.BYTES).putLong(seed).flip());
        sha.update(name.getBytes(StandardCharsets.UTF_8));
        return ByteBuffer.wrap(sha.digest()).getLong();
    }

    /** Number {@code counter} of a key: 64 uniform bits. Chain calls for several counters. */
    public static long mix(long key, long counter) {
        long z = key + (counter + 1) * GOLDEN_GAMMA;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    /** Number {@code counter} of a key as a double in [0, 1), 53 bits. */
    public static double uniform(long key, long counter) {
        return (mix(key, counter) >>> 11) * 0x1.0p-53;
    }

    /** Number {@code counter} of a key as a standard normal (Box-Muller with {@link StrictMath}; two draws each). */
    public static double gaussian(long key, long counter) {
        double radius = 1.0 - uniform(key, 2 * counter);
        double angle = uniform(key, 2 * counter + 1);
        return StrictMath.sqrt(-2.0 * StrictMath.log(radius)) * StrictMath.cos(2.0 * StrictMath.PI * angle);
    }
}
