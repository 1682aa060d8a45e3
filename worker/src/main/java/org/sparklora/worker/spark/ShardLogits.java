package org.sparklora.worker.spark;

import java.io.Serializable;

/** Logits of a shard's rows. */
public final class ShardLogits implements Serializable {

    private static final long serialVersionUID = 1L;

    private final int shard;
    private final float[] logits;

    /**
     * @param logits [rows, C], row-major, in the shard's own order
     */
    ShardLogits(int shard, float[] logits) {
        this.shard = shard;
        this.logits = logits;
    }

    public int shard() {
        return shard;
    }

    /** The array itself, not a copy: [rows, C], row-major. */
    public float[] logits() {
        return logits;
    }
}
