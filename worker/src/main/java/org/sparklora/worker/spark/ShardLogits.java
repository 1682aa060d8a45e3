package org.sparklora.worker.spark;

import java.io.Serializable;
import java.util.List;

/**
 * Logits of a shard's rows, with keys and labels. Arrays are not copied.
 *
 * @param rows the rows, in any order
 */
public record ShardLogits(List<Row> rows) implements Serializable {

    /**
     * Logits of one row.
     *
     * @param key the key of the row; for evaluation data its row index
     * @param labels the labels of the row, or of its labelled tokens, in order
     * @param logits [C], or [n, C] for n labelled tokens
     */
    @SuppressWarnings("ArrayRecordComponent") // rows are never compared
    public record Row(long key, float[] labels, float[] logits) implements Serializable {}
}
