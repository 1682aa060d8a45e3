package org.sparklora.driver.spark;

/** Logits and labels of labelled rows, in row order. */
final class Predictions {

    private final float[] labels;
    private final int columns;
    private final float[] logits;

    Predictions(float[] labels, int columns) {
        this.labels = labels;
        this.columns = columns;
        this.logits = new float[labels.length * columns];
    }

    /** Puts logits [rows, C] of consecutive rows in their place. */
    void put(long firstRow, float[] part) {
        System.arraycopy(part, 0, logits, Math.toIntExact(firstRow * columns), part.length);
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
