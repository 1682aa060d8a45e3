package org.sparklora.worker.data;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.sparklora.worker.contract.ShardPlan;

/**
 * The rows of one shard in the order of one epoch, divided into steps by the plan.
 *
 * @param positions positions of all rows within the shard, in the order of the epoch
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record EpochRows(Shard shard, ShardPlan plan, int[] positions) {

    /** Steps of the epoch, the same for every shard. */
    public int steps() {
        return plan.stepsPerEpoch();
    }

    /** Positions, within the shard, of the rows of a step; empty if the shard has no rows left. */
    public int[] positions(int step) {
        return Arrays.copyOfRange(positions, plan.from(shard.index(), step), plan.from(shard.index(), step + 1));
    }

    /** The positions of a step in microbatches whose sizes differ by at most 1. There are fewer if there are fewer rows. */
    public List<int[]> microbatches(int step, int count) {
        int[] all = positions(step);
        List<int[]> microbatches = new ArrayList<>();
        for (int p = 0; p < count; p++) {
            int from = all.length * p / count;
            int to = all.length * (p + 1) / count;
            if (to > from) {
                microbatches.add(Arrays.copyOfRange(all, from, to));
            }
        }
        return microbatches;
    }
}
