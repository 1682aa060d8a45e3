package org.sparklora.worker.spark;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/** Logits of a shard's rows, with keys and labels. Arrays are not copied. */
public final class ShardLogits implements Serializable {

    private static final long serialVersionUID = 1L;

    private final ArrayList<Row> rows = new ArrayList<>();

    /** Logits of one row. Not a record: Kryo cannot read records. */
    public static final class Row implements Serializable {

        private static final long serialVersionUID = 1L;

        private final long key;
        private final float[] labels;
        private final float[] logits;

        Row(long key, float[] labels, float[] logits) {
            this.key = key;
            this.labels = labels;
            this.logits = logits;
        }

        /** The key of the row; for evaluation data its row index. */
        public long key() {
            return key;
        }

        /** The labels of the row, or of its labelled tokens, in order. */
        public float[] labels() {
            return labels;
        }

        /** [C], or [n, C] for n labelled tokens. */
        public float[] logits() {
            return logits;
        }
    }

    void add(Row row) {
        rows.add(row);
    }

    /** The rows, in any order. */
    public List<Row> rows() {
        return List.copyOf(rows);
    }
}
