package org.sparklora.worker.data;

import java.util.Arrays;
import org.sparklora.worker.contract.ShardPlan;

/** One shard's rows in the order of one epoch, cut into steps as the plan says. */
public final class EpochRows {

    private final Shard shard;
    private final ShardPlan plan;
    private final int[] positions;

    EpochRows(Shard shard, ShardPlan plan, int[] positions) {
        this.shard = shard;
        this.plan = plan;
        this.positions = positions;
    }

    /** Steps of the epoch, the same for every shard. */
    public int steps() {
        return plan.stepsPerEpoch();
    }

    /** Positions, within the shard, of the rows of a step; none where the shard has no row left. */
    public int[] positions(int step) {
        return Arrays.copyOfRange(positions, plan.from(shard.index(), step), plan.from(shard.index(), step + 1));
    }
}
