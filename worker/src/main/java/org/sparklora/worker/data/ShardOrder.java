package org.sparklora.worker.data;

import java.io.Serializable;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;
import org.sparklora.worker.contract.KeyedRandom;
import org.sparklora.worker.contract.ShardPlan;

/**
 * The order of a shard's rows in an epoch. A pure function of seed, epoch and the rows' keys.
 *
 * <p>{@link #given()}: unchanged. {@link #shuffled}: by hash(seed, epoch, key), ties by position. {@link #groupedByLength}:
 * shuffled, then sorted by token length within each window of {@value #WINDOW_STEPS} steps and divided into steps. The steps of a
 * window are permuted; the permutation depends on (seed, epoch, window) only. So all shards process rows of similar length in the
 * same step, and no step waits for one long row. The short last step of an epoch is in no window: its rows are the last of the
 * shuffled order.
 */
public record ShardOrder(Kind kind, long seed) implements Serializable {

    /** Steps in a window: enough to find rows of similar length, few enough to remain a shuffle. */
    static final int WINDOW_STEPS = 32;

    /** How rows are ordered. */
    public enum Kind {
        GIVEN,
        SHUFFLED,
        GROUPED_BY_LENGTH
    }

    /** Keeps the order of the rows. */
    public static ShardOrder given() {
        return new ShardOrder(Kind.GIVEN, 0);
    }

    /** Orders rows by hash(seed, epoch, key). */
    public static ShardOrder shuffled(long seed) {
        return new ShardOrder(Kind.SHUFFLED, seed);
    }

    /** Shuffles rows, with rows of similar length in the same step on every shard. */
    public static ShardOrder groupedByLength(long seed) {
        return new ShardOrder(Kind.GROUPED_BY_LENGTH, seed);
    }

    /** Returns the positions of the shard's rows in the order of an epoch. Step k begins at plan.from(shard, k). */
    int[] positions(Shard shard, ShardPlan plan, int epoch) {
        if (shard.size() != plan.shardSize(shard.index())) {
            throw new IllegalArgumentException("shard " + shard.index() + " holds " + shard.size()
                    + " rows, but the plan gives it " + plan.shardSize(shard.index()) + " of " + plan.examples()
                    + "; prepare the data again for this plan");
        }
        if (plan.given() != (kind == Kind.GIVEN)) {
            throw new IllegalArgumentException("the order " + kind + " does not fit a plan with given = " + plan.given()
                    + "; take both from data.order");
        }
        return switch (kind) {
            case GIVEN -> identity(shard.size());
            case SHUFFLED -> shuffle(shard, epoch);
            case GROUPED_BY_LENGTH -> group(shard, plan, epoch, shuffle(shard, epoch));
        };
    }

    private static int[] identity(int size) {
        return IntStream.range(0, size).toArray();
    }

    private int[] shuffle(Shard shard, int epoch) {
        long epochKey = KeyedRandom.mix(KeyedRandom.key(seed, "data/order"), epoch);
        // The upper half of the hash and the position in one number: boxed numbers would need four times the memory.
        long[] sorted = new long[shard.size()];
        Arrays.setAll(sorted, i -> (KeyedRandom.mix(epochKey, shard.key(i)) & ~0xFFFFFFFFL) | i);
        Arrays.sort(sorted);
        int[] order = Arrays.stream(sorted).mapToInt(row -> (int) row).toArray();
        for (int from = 0, to = 1; to <= sorted.length; to++) {
            if (to == sorted.length || sorted[to] >> 32 != sorted[from] >> 32) {
                if (to - from > 1) {
                    // Few rows have the same upper half. Their order follows the whole hash.
                    int[] tied = sort(
                            Arrays.copyOfRange(order, from, to),
                            Comparator.<Integer>comparingLong(i -> KeyedRandom.mix(epochKey, shard.key(i)))
                                    .thenComparingInt(i -> i));
                    System.arraycopy(tied, 0, order, from, tied.length);
                }
                from = to;
            }
        }
        return order;
    }

    private int[] group(Shard shard, ShardPlan plan, int epoch, int[] shuffled) {
        int wholeSteps = Math.toIntExact(plan.examples() / plan.batchSize());
        int[] order = shuffled.clone();
        for (int first = 0; first < wholeSteps; first += WINDOW_STEPS) {
            int end = Math.min(first + WINDOW_STEPS, wholeSteps);
            int from = plan.from(shard.index(), first);
            int[] rows = Arrays.copyOfRange(shuffled, from, plan.from(shard.index(), end));
            // The sort is stable: rows of equal length keep their shuffled order.
            int[] byLength = sort(rows, Comparator.comparingInt(shard::length));
            int taken = 0;
            // If B is not a multiple of S, steps have different numbers of rows, as the plan says.
            for (int step : permutation(epoch, first, end)) {
                int at = plan.from(shard.index(), step);
                int count = plan.from(shard.index(), step + 1) - at;
                System.arraycopy(byLength, taken, order, at, count);
                taken += count;
            }
        }
        return order;
    }

    /** Returns the steps [first, end) of a window, the step with the shortest rows first. The same for every shard. */
    int[] permutation(int epoch, int first, int end) {
        long window = first / WINDOW_STEPS;
        long key = KeyedRandom.mix(KeyedRandom.mix(KeyedRandom.key(seed, "data/window"), epoch), window);
        return sort(
                IntStream.range(first, end).toArray(),
                Comparator.<Integer>comparingLong(step -> KeyedRandom.mix(key, step - first))
                        .thenComparingInt(step -> step));
    }

    private static int[] sort(int[] values, Comparator<Integer> by) {
        return Arrays.stream(values)
                .boxed()
                .sorted(by)
                .mapToInt(Integer::intValue)
                .toArray();
    }
}
