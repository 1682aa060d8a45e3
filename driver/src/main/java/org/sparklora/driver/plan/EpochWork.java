package org.sparklora.driver.plan;

import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.driver.data.TextStatistics;
import org.sparklora.driver.loop.WorkCounter;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.data.Padding;

/**
 * What an epoch's steps computed and sent, and what they would have computed and sent without freezing, cache and length
 * buckets: counted as {@link StepCost} counts for {@code plan}, never measured.
 *
 * <ul>
 *   <li>{@code steps}: that are counted; fewer than the epoch has where a run went on in the midst of one
 *   <li>{@code flops}: of forward and backward over the rows' own tokens, in the freeze states as they were
 *   <li>{@code flops_without_cache}: the same if the frozen prefix had run in every step
 *   <li>{@code flops_without_freezing}: with every group live and without a cache
 *   <li>{@code flops_of_padding}: on top of {@code flops}, in proportion to the places that padding filled
 *   <li>{@code flops_of_padding_without_buckets}: the same for batches of rows drawn at random, in expectation
 *   <li>{@code all_reduce_bytes}, {@code all_reduce_bytes_without_freezing}: that a rank sends, its gradient once a step
 * </ul>
 */
public final class EpochWork implements WorkCounter {

    private final StepCost cost;
    private final TextStatistics lengths;
    private final double rowsTogether;

    /**
     * @param lengths of all training rows
     * @param rowsTogether rows of a batch that are padded together: of one shard in one step, in one piece
     */
    public EpochWork(StepCost cost, TextStatistics lengths, double rowsTogether) {
        this.cost = cost;
        this.lengths = lengths;
        this.rowsTogether = Math.max(1, rowsTogether);
    }

    @Override
    public SortedMap<String, Number> count(List<Stretch> stretches, Padding padding) {
        FreezeState everything = cost.allLive();
        long steps = 0;
        double flops = 0;
        double withoutCache = 0;
        double withoutFreezing = 0;
        long bytes = 0;
        long bytesWithoutFreezing = 0;
        for (Stretch stretch : stretches) {
            steps += stretch.steps();
            flops += stretch.examples() * cost.operations(stretch.state(), stretch.held());
            withoutCache += stretch.examples() * cost.operations(stretch.state(), false);
            withoutFreezing += stretch.examples() * cost.operations(everything, false);
            bytes += stretch.steps() * cost.allReduceBytes(stretch.state());
            bytesWithoutFreezing += stretch.steps() * cost.allReduceBytes(everything);
        }
        SortedMap<String, Number> work = new TreeMap<>();
        work.put("steps", steps);
        work.put("flops", flops);
        work.put("flops_without_cache", withoutCache);
        work.put("flops_without_freezing", withoutFreezing);
        work.put("flops_of_padding", padding.tokens() == 0 ? 0.0 : flops * padding.filled() / padding.tokens());
        work.put("flops_of_padding_without_buckets", flops * (expectedLongest() / lengths.meanLength() - 1));
        work.put("all_reduce_bytes", bytes);
        work.put("all_reduce_bytes_without_freezing", bytesWithoutFreezing);
        return work;
    }

    /** Expected length of the longest of the rows that are padded together, if they are drawn independently. */
    double expectedLongest() {
        double expected = 0;
        double below = 0;
        long rows = 0;
        for (var entry : new TreeMap<>(lengths.lengths()).entrySet()) {
            rows += entry.getValue();
            double upTo = StrictMath.pow((double) rows / lengths.examples(), rowsTogether);
            expected += entry.getKey() * (upTo - below);
            below = upTo;
        }
        return expected;
    }
}
