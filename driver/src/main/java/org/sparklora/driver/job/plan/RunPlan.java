package org.sparklora.driver.job.plan;

import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.function.ToLongFunction;
import java.util.stream.IntStream;
import org.sparklora.driver.job.freeze.StepPosition;
import org.sparklora.worker.contract.CachePlan;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.ShardPlan;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.data.TextStatistics;

/**
 * Everything that can be told of a run before it.
 *
 * @param manifest groups and head
 * @param cache whether the frozen prefix is kept
 * @param timelines one that is exact, or the earliest and the latest
 * @param warnings what a reader of the job file should look at, one line each
 */
public record RunPlan(
        Subject subject,
        LoraManifest manifest,
        StepCost cost,
        CachePolicy cache,
        List<Timeline> timelines,
        List<String> warnings) {

    public RunPlan {
        timelines = List.copyOf(timelines);
        warnings = List.copyOf(warnings);
    }

    /**
     * What the plan is about.
     *
     * @param job the job's name
     */
    public record Subject(String job, Model model, Data data, Schedule schedule, Memory memory) {}

    /**
     * The base model.
     *
     * @param weightBytes of all its weights in float32; mapped from the file, once a host
     */
    public record Model(String path, int layers, int hiddenSize, long weightBytes) {}

    /**
     * The data.
     *
     * @param shards rows, batches and steps
     * @param validationRows empty: no validation
     * @param sample lengths of some training rows
     * @param maxLength model.max_length
     * @param labels in the order of the head's outputs; empty for regression
     */
    public record Data(
            ShardPlan shards, OptionalLong validationRows, TextStatistics sample, int maxLength, List<String> labels) {}

    /**
     * How long the run is and what decides in it.
     *
     * @param policy as the job file calls it
     * @param mayEndBefore the first epoch before which the policy may end the run; empty: it runs all epochs
     */
    public record Schedule(String policy, int epochs, OptionalLong mayEndBefore, Rates rates) {}

    /**
     * What executors need outside the Java heap, beside PyTorch itself.
     *
     * @param tasks tasks of an executor at a time; empty: not known
     * @param rows rows that a task computes at a time
     * @param baseDropout whether the base drops out, whose masks come on top of what is counted
     */
    public record Memory(OptionalInt tasks, int rows, boolean baseDropout) {}

    /** Numbers that a group trains while it is live. */
    long parameters(String group) {
        return manifest.tensors(group).stream().mapToLong(TensorSpec::size).sum();
    }

    /** The most bytes that autograd keeps for a task at any time of the run. */
    public long keptBytes() {
        return largest(state -> cost.keptBytes(state, subject.memory().rows()));
    }

    /** The most bytes that a task's copy of adapters and optimizer takes. */
    public long stateBytes() {
        return largest(cost::stateBytes);
    }

    private long largest(ToLongFunction<FreezeState> size) {
        return timelines.stream()
                .flatMap(timeline -> timeline.stretches().stream())
                .map(Timeline.Stretch::state)
                .distinct()
                .mapToLong(size)
                .max()
                .orElse(0);
    }

    /** The epochs of a timeline. */
    List<PlannedEpoch> epochs(Timeline timeline) {
        return PlannedEpoch.of(timeline, manifest, cache);
    }

    /** The same run without an activation cache. */
    public RunPlan withoutCache() {
        return new RunPlan(subject, manifest, cost, CachePolicy.off("left out"), timelines, warnings);
    }

    /** The same run with every group live throughout. */
    public RunPlan withEverythingLive() {
        int steps = subject.data().shards().stepsPerEpoch();
        List<Timeline.Stretch> stretches = IntStream.range(0, subject.schedule().epochs())
                .mapToObj(epoch ->
                        new Timeline.Stretch(StepPosition.of(epoch, 0, steps), steps, cost.allLive(), List.of()))
                .toList();
        return new RunPlan(
                subject, manifest, cost, cache, List.of(new Timeline(Timeline.Kind.EXACT, stretches)), warnings);
    }

    /** What each epoch of a timeline asks of a cluster. */
    public List<EpochLoad> loads(Timeline timeline) {
        return epochs(timeline).stream().map(this::load).toList();
    }

    private EpochLoad load(PlannedEpoch epoch) {
        ShardPlan shards = subject.data().shards();
        long validationRows = subject.data().validationRows().orElse(0);
        boolean kept = epoch.cache().isOn();
        // Rows of a step, the last short one included.
        double rows = (double) shards.examples() / shards.stepsPerEpoch();
        List<EpochLoad.Part> parts = epoch.stretches().stream()
                .map(stretch -> new EpochLoad.Part(
                        stretch.steps(),
                        rows * cost.operations(stretch.state(), kept),
                        cost.allReduceBytes(stretch.state())))
                .toList();
        FreezeState last = epoch.stretches().get(epoch.stretches().size() - 1).state();
        double prefix = cost.forwardOperations(last, false) - cost.forwardOperations(last, kept);
        return new EpochLoad(
                parts,
                epoch.held() ? 0 : (shards.examples() + validationRows) * prefix,
                validationRows * cost.forwardOperations(last, kept));
    }

    /** Bytes that an epoch's cache keeps of training and validation rows. */
    long cacheBytes(CachePlan epoch) {
        Data data = subject.data();
        return cost.prefixBytes(
                epoch, data.shards().examples() + data.validationRows().orElse(0));
    }

    /** The most that is kept at any time of the run. */
    long cacheBytes() {
        return timelines.stream()
                .flatMap(timeline -> epochs(timeline).stream())
                .mapToLong(epoch -> cacheBytes(epoch.cache()))
                .max()
                .orElse(0);
    }

    /** Optimizer steps of the run. */
    public long steps() {
        return (long) subject.schedule().epochs() * subject.data().shards().stepsPerEpoch();
    }
}
