package org.sparklora.driver.cluster.data;

import org.apache.spark.Partitioner;
import org.sparklora.worker.contract.ShardPlan;

/** Shard of a global rank: round-robin, as the plan's given order says, or in consecutive slices. */
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

    /** As training needs it. */
    static RowPartitioner training(ShardPlan plan) {
        return new RowPartitioner(plan.given() ? Kind.GIVEN : Kind.ROUND_ROBIN, plan);
    }

    /** S consecutive slices that differ by at most one row. */
    static RowPartitioner slices(int shards, long rows) {
        // Only S and N matter here: the slices know no steps.
        return new RowPartitioner(Kind.SLICES, new ShardPlan(shards, shards, rows, true));
    }

    @Override
    public int numPartitions() {
        return plan.shards();
    }

    @Override
    public int getPartition(Object key) {
        long rank = (Long) key;
        return switch (kind) {
            case ROUND_ROBIN -> (int) (rank % plan.shards());
            case GIVEN -> plan.shardOfGivenRow(rank);
            case SLICES -> slice(rank);
        };
    }

    private int slice(long rank) {
        // The inverse of from(s) = floor(s·N/S): the largest s with from(s) at most the rank.
        return (int) (((rank + 1) * plan.shards() - 1) / plan.examples());
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof RowPartitioner other && kind == other.kind && plan.equals(other.plan);
    }

    @Override
    public int hashCode() {
        return plan.hashCode();
    }
}
