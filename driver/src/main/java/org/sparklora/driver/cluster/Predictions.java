package org.sparklora.driver.cluster;

import org.apache.spark.api.java.JavaRDD;
import org.sparklora.driver.cluster.data.Shards;
import org.sparklora.worker.head.Logits;
import org.sparklora.worker.head.TaskHead;
import org.sparklora.worker.spark.JavaSerialized;
import org.sparklora.worker.spark.ShardLogits;

/** Logits and labels of labelled rows, in row order. If tokens are labelled, only the tokens with a label. */
final class Predictions {

    private final float[][] labels;
    private final float[][] logits;
    private final int columns;

    Predictions(int rows, int columns) {
        this.labels = new float[rows][];
        this.logits = new float[rows][];
        this.columns = columns;
    }

    /** Runs a Spark job that computes the logits of all rows, and puts them in row order. */
    static Predictions collect(Shards rows, TaskHead head, JavaRDD<ShardLogits> logits) {
        Predictions predictions =
                new Predictions(Math.toIntExact(rows.statistics().examples()), head.outputs());
        JavaSerialized.collect(logits).forEach(predictions::put);
        return predictions;
    }

    /** Puts the rows of a shard at their row index. */
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

    /** The first label of a row. */
    float label(int row) {
        return labels[row][0];
    }

    /** All labels of a row; not a copy. */
    float[] labels(int row) {
        return labels[row];
    }

    /** Logits of a row, [C], or [n, C] of its n labelled tokens; not a copy. */
    float[] logits(int row) {
        return logits[row];
    }

    /** The class with the largest logit; the first of equal ones. */
    int argmax(int row) {
        return argmax(row, 0);
    }

    /** The class with the largest logit of a row's n-th labelled token. */
    int argmax(int row, int token) {
        return Logits.argmax(logits[row], token * columns, columns);
    }
}
