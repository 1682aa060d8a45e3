package org.sparklora.worker.spark;

import java.io.Serializable;

/**
 * Logits of a shard's rows.
 *
 * @param logits [rows, C], row-major
 */
public record ShardLogits(int shard, float[] logits) implements Serializable {

    @Override
    public boolean equals(Object o) {
        return o instanceof ShardLogits other && shard == other.shard && java.util.Arrays.equals(logits, other.logits);
    }

    @Override
    public int hashCode() {
        return 31 * shard + java.util.Arrays.hashCode(logits);
    }
}
