package org.sparklora.driver.spark;

import org.sparklora.worker.spark.ShardLogits;

/** Logits and labels of labelled rows, in row order. */
final class Predictions {

    private final float[] labels;
    private final int columns;
    private final float[] logits;

    Predictions(int rows, int columns) {
        this.labels = new float[rows];
        this.columns = columns;
        this.logits = new float[rows * columns];
    }

    /** Puts a shard's rows in their places. */
    void put(ShardLogits part) {
        for (int i = 0; i < part.keys().length; i++) {
            int row = Math.toIntExact(part.keys()[i]);
            labels[row] = part.labels()[i];
            System.arraycopy(part.logits(), i * columns, logits, row * columns, columns);
        }
    }

    int size() {
        return labels.length;
    }

    float label(int row) {
        return labels[row];
    }

    /** A copy of one row's logits, [C]. */
    float[] logits(int row) {
        return java.util.Arrays.copyOfRange(logits, row * columns, (row + 1) * columns);
    }

    /** The column with the largest logit; the first of equal ones. */
    int argmax(int row) {
        int best = 0;
        for (int c = 1; c < columns; c++) {
            if (logits[row * columns + c] > logits[row * columns + best]) {
                best = c;
            }
        }
        return best;
    }
}
