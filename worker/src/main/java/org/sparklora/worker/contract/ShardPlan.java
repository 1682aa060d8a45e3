package org.sparklora.worker.contract;

import java.io.Serializable;

/**
 * Which rows each of S logical shards contributes to each optimizer step. Data and job alone determine it.
 *
 * <p>Shuffled: example p of an epoch's round-robin order belongs to shard p mod S, so step k takes positions
 * [kB, (k+1)B) and shard sizes differ by at most 1. Given: step k takes rows [kB, (k+1)B), cut into S contiguous slices
 * that differ by at most 1. Either way the last short batch is kept and a shard with no rows left adds zero.
 *
 * @param shards S, a power of two
 * @param batchSize B, examples per optimizer step over all shards; at least S
 * @param examples N, examples per epoch
 * @param given whether rows keep their order in the files
 */
public record ShardPlan(int shards, int batchSize, long examples, boolean given) implements Serializable {

    /** @throws IllegalArgumentException if S is not a power of two or above B, or there are no examples */
    public ShardPlan {
        if (shards < 1 || Integer.bitCount(shards) != 1) {
            throw new IllegalArgumentException("training.shards " + shards + " must be a power of two");
        }
        if (batchSize < shards) {
            throw new IllegalArgumentException(
                    "training.batch_size " + batchSize + " must be at least training.shards " + shards);
        }
        if (examples < 1) {
            throw new IllegalArgumentException("there is nothing to train on: 0 examples");
        }
    }

    /** ceil(N / B). */
    public int stepsPerEpoch() {
        return Math.toIntExact((examples + batchSize - 1) / batchSize);
    }

    /** Examples in a step, over all shards. */
    public int examplesIn(int step) {
        return (int) (examplesUntil(step + 1) - (long) step * batchSize);
    }

    /** Examples in the steps before a step. */
    public long examplesUntil(int step) {
        return Math.min(examples, (long) step * batchSize);
    }

    /** Rows that a shard holds. */
    public int shardSize(int shard) {
        return from(shard, stepsPerEpoch());
    }

    /** Index, within the shard, of its first row of a step; with {@code step + 1} the end of its rows. */
    public int from(int shard, int step) {
        long rows = examplesUntil(step);
        if (given) {
            long whole = rows / batchSize;
            long rest = rows % batchSize;
            return Math.toIntExact(whole * slice(shard, batchSize) + slice(shard, rest));
        }
        return Math.toIntExact((rows + shards - 1 - shard) / shards);
    }

    /** Shard of a row under order {@code given}. */
    public int shardOfGivenRow(long row) {
        long step = row / batchSize;
        long size = examplesIn(Math.toIntExact(step));
        long within = row - step * batchSize;
        // floor(s·m/S) ≤ within < floor((s+1)·m/S) holds for exactly one s.
        int shard = (int) ((within * shards) / size);
        while ((shard + 1L) * size / shards <= within) {
            shard++;
        }
        return shard;
    }

    private long slice(int shard, long size) {
        return (shard + 1L) * size / shards - (long) shard * size / shards;
    }
}
