package org.sparklora.driver.cluster;

import org.apache.commons.math3.util.ResizableDoubleArray;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.spark.ShardScores;

/** Scores of the rows of one shard: sums for all metrics, and what is sorted for metrics of ranks. */
final class ScoredShard implements ShardScores {

    private static final long serialVersionUID = 1L;

    private final int shard;
    private final RowSums sums;

    /** By row: the number by which rows are ranked, and the label. Empty if no metric needs ranks. */
    private final ResizableDoubleArray scores = new ResizableDoubleArray();

    private final ResizableDoubleArray labels = new ResizableDoubleArray();

    ScoredShard(int shard, Metrics metrics) {
        this.shard = shard;
        this.sums = new RowSums(metrics);
    }

    @Override
    public void add(Example row, float[] logits) {
        sums.add(row.labels(), logits);
        if (sums.metrics().ranked()) {
            // + 0.0: -0.0 becomes 0.0, to which it is equal.
            scores.addElement((logits.length == 2 ? (double) logits[1] - logits[0] : logits[0]) + 0.0);
            labels.addElement(row.label() + 0.0);
        }
    }

    int shard() {
        return shard;
    }

    RowSums sums() {
        return sums;
    }

    int ranked() {
        return scores.getNumElements();
    }

    double score(int row) {
        return scores.getElement(row);
    }

    double label(int row) {
        return labels.getElement(row);
    }
}
