package org.sparklora.worker.spark;

import java.io.Serializable;
import org.sparklora.worker.data.Shard;

/** Logits of a shard's rows, with the rows' keys and labels. Arrays are handed out as they are. */
public final class ShardLogits implements Serializable {

    private static final long serialVersionUID = 1L;

    private final long[] keys;
    private final float[] labels;
    private final float[] logits;

    /**
     * @param logits [rows, C], row-major, in the shard's own order
     */
    ShardLogits(Shard shard, float[] logits) {
        this.keys = new long[shard.size()];
        this.labels = new float[shard.size()];
        this.logits = logits;
        for (int row = 0; row < shard.size(); row++) {
            keys[row] = shard.example(row).key();
            labels[row] = shard.example(row).label();
        }
    }

    /** [rows]: for evaluation data, the row's place in the whole. */
    public long[] keys() {
        return keys;
    }

    /** [rows]. */
    public float[] labels() {
        return labels;
    }

    /** [rows, C], row-major. */
    public float[] logits() {
        return logits;
    }
}
