package org.sparklora.driver.job.plan;

import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.sparklora.driver.job.freeze.EpochMetrics;
import org.sparklora.driver.job.freeze.FreezePolicy;
import org.sparklora.driver.job.freeze.Replay;
import org.sparklora.driver.job.freeze.RunLength;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.Padding;
import org.sparklora.worker.data.TextStatistics;

/**
 * Counts what the steps of an epoch computed and sent, and what they would have computed and sent without freezing, cache
 * and length buckets. Counted as {@link StepCost} counts for {@code plan}, never measured.
 *
 * <ul>
 *   <li>{@code steps}: of the epoch
 *   <li>{@code flops}: of forward and backward over the rows' own tokens, in the freeze states of the run
 *   <li>{@code flops_without_cache}: the same if the frozen trunk had run in every step
 *   <li>{@code flops_without_freezing}: with every group live and without a cache
 *   <li>{@code flops_of_padding}: on top of {@code flops}, in proportion to the padding
 *   <li>{@code flops_of_padding_without_buckets}: the expected value for batches of rows drawn at random
 *   <li>{@code all_reduce_bytes}, {@code all_reduce_bytes_without_freezing}: sent by a rank, one gradient a step
 * </ul>
 */
public final class EpochWork {

    private final StepCost cost;
    private final Run run;
    private final TextStatistics lengths;
    private final double rowsTogether;
    private final List<EpochMetrics> seen;

    /**
     * The run whose epochs are counted. Its decisions are replayed when an epoch is done, so an epoch counts the same
     * whatever failed in it and wherever a resumed run continued.
     *
     * @param initial the state before the first epoch
     */
    public record Run(FreezePolicy policy, RunLength length, FreezeState initial, EpochPlanner planner) {}

    /**
     * The work of a run.
     *
     * @param lengths of all training rows
     * @param rowsTogether rows that are padded together: those of one shard in one microbatch
     * @param before metrics of the epochs before the first one to count
     */
    public EpochWork(StepCost cost, Run run, TextStatistics lengths, double rowsTogether, List<EpochMetrics> before) {
        this.cost = cost;
        this.run = run;
        this.lengths = lengths;
        this.rowsTogether = Math.max(1, rowsTogether);
        this.seen = new ArrayList<>(before);
    }

    /**
     * The counts of an epoch's steps, by name. Call it once for each epoch, in order.
     *
     * @param padding of the whole epoch
     */
    public SortedMap<String, Number> count(EpochMetrics finished, Padding padding) {
        Timeline.Epoch epoch = epoch(finished.epoch());
        seen.add(finished);
        FreezeState allLive = cost.allLive();
        long steps = 0;
        double flops = 0;
        double withoutCache = 0;
        double withoutFreezing = 0;
        long bytes = 0;
        for (Timeline.Stretch stretch : epoch.stretches()) {
            int first = stretch.from().step();
            long rows = IntStream.range(first, first + stretch.steps())
                    .mapToLong(run.planner().shards()::examplesIn)
                    .sum();
            steps += stretch.steps();
            flops += rows * cost.operations(stretch.state(), epoch.held());
            withoutCache += rows * cost.operations(stretch.state(), false);
            withoutFreezing += rows * cost.operations(allLive, false);
            bytes += stretch.steps() * cost.allReduceBytes(stretch.state());
        }
        SortedMap<String, Number> work = new TreeMap<>();
        work.put("steps", steps);
        work.put("flops", flops);
        work.put("flops_without_cache", withoutCache);
        work.put("flops_without_freezing", withoutFreezing);
        work.put("flops_of_padding", padding.tokens() == 0 ? 0.0 : flops * padding.filled() / padding.tokens());
        work.put("flops_of_padding_without_buckets", flops * (expectedLongest() / lengths.meanLength() - 1));
        work.put("all_reduce_bytes", bytes);
        work.put("all_reduce_bytes_without_freezing", steps * cost.allReduceBytes(allLive));
        return work;
    }

    private Timeline.Epoch epoch(int number) {
        Replay replay = new Replay(run.policy(), run.length().stepsPerEpoch());
        Timeline timeline = Timeline.of(replay.decisions(run.initial(), seen, number + 1), run.length());
        return timeline.epochs(run.planner()).get(number);
    }

    /** Expected length of the longest of the rows that are padded together, if rows are drawn independently. */
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
