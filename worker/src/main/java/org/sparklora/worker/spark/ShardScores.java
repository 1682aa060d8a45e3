package org.sparklora.worker.spark;

import java.io.Serializable;
import org.sparklora.worker.data.Example;

/**
 * What is computed from the logits of one shard's rows and returned instead of them. The shard alone determines the order of
 * the rows, so sums of floating-point numbers do not depend on the cluster. Not thread-safe.
 */
public interface ShardScores extends Serializable {

    /**
     * Adds a row.
     *
     * @param logits [C], or [S, C] if the head reads every token, where S is at least the length of the row
     */
    void add(Example row, float[] logits);

    /** Creates the scores of a shard, without rows. */
    @FunctionalInterface
    interface Factory<T extends ShardScores> extends Serializable {

        /**
         * Creates them.
         *
         * @param shard index of the shard
         */
        T of(int shard);
    }
}
