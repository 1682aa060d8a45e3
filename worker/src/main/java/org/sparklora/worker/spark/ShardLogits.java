package org.sparklora.worker.spark;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/** Logits of a shard's rows, with the rows' keys and labels. Arrays are handed out as they are. */
public final class ShardLogits implements Serializable {

    private static final long serialVersionUID = 1L;

    private final ArrayList<Row> rows = new ArrayList<>();

    /** Logits of one row. A class rather than a record, as Kryo cannot read those. */
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

        /** For evaluation data, the row's place in the whole. */
        public long key() {
            return key;
        }

        /** The row's labels; where tokens are labelled, those that count, in order. */
        public float[] labels() {
            return labels;
        }

        /** [C]; where tokens are labelled, [n, C] of those that count. */
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
