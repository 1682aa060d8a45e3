package org.sparklora.driver.cluster.data;

import org.apache.spark.Partitioner;
import org.sparklora.worker.contract.ShardPlan;

/** Assigns a row index to a shard: round-robin, in the given order of the plan, or in consecutive slices. */
final class RowPartitioner extends Partitioner {

    private static final long serialVersionUID = 1L;

    private enum Kind {
        ROUND_ROBIN,
        GIVEN,
        SLICES
    }

    private final Kind kind;
    private final ShardPlan plan;

    private RowPartitioner(Kind kind, ShardPlan plan) {
        this.kind = kind;
        this.plan = plan;
    }

    /** The assignment of training rows. */
    static RowPartitioner training(ShardPlan plan) {
        return new RowPartitioner(plan.given() ? Kind.GIVEN : Kind.ROUND_ROBIN, plan);
    }

    /** S consecutive slices whose sizes differ by at most one row. */
    static RowPartitioner slices(int shards, long rows) {
        // Slices have no steps, so the batch size does not matter.
        return new RowPartitioner(Kind.SLICES, new ShardPlan(shards, shards, rows, true));
    }

    @Override
    public int numPartitions() {
        return plan.shards();
    }

    @Override
    public int getPartition(Object key) {
        long rowIndex = (Long) key;
        return switch (kind) {
            case ROUND_ROBIN -> (int) (rowIndex % plan.shards());
            case GIVEN -> plan.shardOfGivenRow(rowIndex);
            case SLICES -> slice(rowIndex);
        };
    }

    private int slice(long rowIndex) {
        // The inverse of from(s) = floor(s·N/S): the largest s with from(s) at most the row index.
        return (int) (((rowIndex + 1) * plan.shards() - 1) / plan.examples());
    }
}
