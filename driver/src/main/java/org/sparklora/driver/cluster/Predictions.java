package org.sparklora.driver.cluster;

import java.util.List;
import org.sparklora.driver.cluster.data.EvaluationData;
import org.sparklora.worker.head.Logits;
import org.sparklora.worker.head.TaskHead;
import org.sparklora.worker.spark.ShardLogits;

/** Logits and labels of labelled rows, in row order. Where tokens are labelled, those that count. */
final class Predictions {

    private final float[][] labels;
    private final float[][] logits;
    private final int columns;

    Predictions(int rows, int columns) {
        this.labels = new float[rows][];
        this.logits = new float[rows][];
        this.columns = columns;
    }

    /** The rows of these parts, which are all, in their places. */
    static Predictions of(EvaluationData rows, TaskHead head, List<ShardLogits> parts) {
        Predictions predictions = new Predictions(Math.toIntExact(rows.rows()), head.outputs());
        parts.forEach(predictions::put);
        return predictions;
    }

    /** Puts a shard's rows in their places. */
    void put(ShardLogits part) {
        for (ShardLogits.Row own : part.rows()) {
            int row = Math.toIntExact(own.key());
            labels[row] = own.labels();
            logits[row] = own.logits();
        }
    }

    int size() {
        return labels.length;
    }

    /** The one label of a row. */
    float label(int row) {
        return labels[row][0];
    }

    /** All labels of a row; not a copy. */
    float[] labels(int row) {
        return labels[row];
    }

    /** One row's logits, [C], or [n, C] of n tokens; not a copy. */
    float[] logits(int row) {
        return logits[row];
    }

    /** The column with the largest logit; the first of equal ones. */
    int argmax(int row) {
        return argmax(row, 0);
    }

    /** The same of a row's n-th token that counts. */
    int argmax(int row, int token) {
        return Logits.argmax(logits[row], token * columns, columns);
    }
}
