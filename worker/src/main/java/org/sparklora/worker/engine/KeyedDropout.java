package org.sparklora.worker.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.stream.LongStream;
import org.sparklora.worker.contract.KeyedRandom;

/**
 * Dropout whose masks depend on (seed, name, epoch, step, shard, microbatch) and the element's position only, so that they
 * are the same on any executor, in any order, and whatever other groups do.
 *
 * <p>Kept elements are scaled by 1 / (1 - p). Four 16-bit lanes are used per draw, so p is met to 2⁻¹⁶.
 */
public final class KeyedDropout {

    /** Drops nothing: evaluation. */
    public static final KeyedDropout OFF = new KeyedDropout(false, 0);

    private final boolean active;
    private final long seed;
    private final long[] counters;

    private KeyedDropout(boolean active, long seed, long... counters) {
        this.active = active;
        this.seed = seed;
        this.counters = counters;
    }

    /** Masks of one microbatch of one shard's part of one step. */
    public static KeyedDropout training(long seed, int epoch, int step, int shard, int microbatch) {
        return new KeyedDropout(true, seed, epoch, step, shard, microbatch);
    }

    /** Other masks of the same microbatch under the same names, for layers that are applied twice. */
    public KeyedDropout apart(String use) {
        return new KeyedDropout(active, KeyedRandom.key(seed, use), counters);
    }

    /** Whether anything is dropped at this probability. */
    public boolean drops(double p) {
        return active && p > 0.0;
    }

    /** {@code x} with elements dropped with probability {@code p}, or {@code x} itself if nothing drops out. */
    public NDArray apply(NDArray x, String name, double p) {
        return drops(p) ? x.mul(mask(x.getManager(), x.getShape().getShape(), name, p)) : x;
    }

    /** The same for a variable. */
    public Variable apply(Variable x, String name, double p) {
        return drops(p)
                ? x.times(mask(
                        x.manager(),
                        x.shape().stream().mapToLong(Integer::longValue).toArray(),
                        name,
                        p))
                : x;
    }

    /** The factors of a tensor: 0 with probability {@code p}, else 1 / (1 - p). It belongs to {@code manager}. */
    public NDArray mask(NDManager manager, long[] shape, String name, double p) {
        long stream = stream(name);
        int dropBelow = (int) Math.round(p * 65536.0);
        float[] factors = {(float) (1.0 / (1.0 - p)), 0f};
        int size = Math.toIntExact(LongStream.of(shape).reduce(1, Math::multiplyExact));
        // Whole draws, so that the loop has neither a branch that depends on chance nor a short end.
        float[] mask = new float[(size + 3) & ~3];
        for (int i = 0; i < mask.length; i += 4) {
            long bits = KeyedRandom.mix(stream, i >>> 2);
            mask[i] = factors[((int) (bits & 0xFFFF) - dropBelow) >>> 31];
            mask[i + 1] = factors[((int) (bits >>> 16 & 0xFFFF) - dropBelow) >>> 31];
            mask[i + 2] = factors[((int) (bits >>> 32 & 0xFFFF) - dropBelow) >>> 31];
            mask[i + 3] = factors[((int) (bits >>> 48) - dropBelow) >>> 31];
        }
        return Tensors.floats(manager, size, target -> target.put(mask, 0, size), shape);
    }

    private long stream(String name) {
        long stream = KeyedRandom.key(seed, "dropout/" + name);
        for (long counter : counters) {
            stream = KeyedRandom.mix(stream, counter);
        }
        return stream;
    }
}
