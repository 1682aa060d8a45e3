package org.sparklora.worker.spark;

import java.io.Serializable;
import java.util.List;
import org.sparklora.worker.data.Example;

/** Logits of a shard's rows, with the rows' keys and labels. Arrays are handed out as they are. */
public final class ShardLogits implements Serializable {

    private static final long serialVersionUID = 1L;

    private final long[] keys;
    private final float[] labels;
    private final float[] logits;

    /**
     * @param logits [rows, C], row-major, in the order of {@code rows}
     */
    ShardLogits(List<Example> rows, float[] logits) {
        this.keys = new long[rows.size()];
        this.labels = new float[rows.size()];
        this.logits = logits;
        for (int row = 0; row < rows.size(); row++) {
            keys[row] = rows.get(row).key();
            labels[row] = rows.get(row).label();
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
