package org.sparklora.worker.data;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
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

    /** The same in slices that differ by at most 1; fewer where there are fewer rows. */
    public List<int[]> pieces(int step, int count) {
        int[] all = positions(step);
        List<int[]> pieces = new ArrayList<>();
        for (int p = 0; p < count; p++) {
            int from = all.length * p / count;
            int to = all.length * (p + 1) / count;
            if (to > from) {
                pieces.add(Arrays.copyOfRange(all, from, to));
            }
        }
        return pieces;
    }

    /** The padding of all steps, each in so many slices. */
    public Padding padding(int count) {
        long tokens = 0;
        long places = 0;
        for (int step = 0; step < steps(); step++) {
            for (int[] piece : pieces(step, count)) {
                int longest = 0;
                for (int position : piece) {
                    int length = shard.example(position).length();
                    tokens += length;
                    longest = Math.max(longest, length);
                }
                places += (long) longest * piece.length;
            }
        }
        return new Padding(tokens, places - tokens);
    }
}
