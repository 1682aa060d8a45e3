package org.sparklora.driver.job.plan;

import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.function.ToLongFunction;
import java.util.stream.IntStream;
import org.sparklora.driver.job.freeze.RunLength;
import org.sparklora.driver.job.freeze.StepPosition;
import org.sparklora.worker.contract.CachePlan;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.contract.ShardPlan;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.data.TextStatistics;
import org.sparklora.worker.train.LearningRateSchedule;

/**
 * Everything that is known about a run before it starts.
 *
 * @param planner turns each freeze state into what the run would do
 * @param timelines one that is exact, or the earliest and the latest
 * @param warnings likely mistakes in the job file, one line each
 */
public record RunPlan(
        Subject subject, EpochPlanner planner, StepCost cost, List<Timeline> timelines, List<String> warnings) {

    public RunPlan {
        timelines = List.copyOf(timelines);
        warnings = List.copyOf(warnings);
    }

    /**
     * The run that the plan is about.
     *
     * @param job the job's name
     */
    public record Subject(String job, Model model, Data data, Schedule schedule, Memory memory) {}

    /**
     * The base model.
     *
     * @param weightBytes of all its weights as they are held: mapped from the file, once a host, or in bfloat16 once a JVM
     */
    public record Model(String path, int layers, int hiddenSize, long weightBytes) {}

    /**
     * The data.
     *
     * @param shards rows, batches and steps
     * @param validationRows empty without validation data
     * @param sample lengths of some training rows
     * @param maxLength model.max_length
     * @param labels in the order of the head's outputs; empty for regression
     */
    public record Data(
            ShardPlan shards, OptionalLong validationRows, TextStatistics sample, int maxLength, List<String> labels) {}

    /**
     * The length of the run, and what changes during it.
     *
     * @param policy as the job file calls it
     * @param mayEndBefore the first epoch before which the policy may end the run; empty if it never does
     * @param learningRate training.learning_rate
     * @param rates the factor of each step on it
     */
    public record Schedule(
            String policy,
            RunLength length,
            OptionalLong mayEndBefore,
            double learningRate,
            LearningRateSchedule rates) {}

    /**
     * The memory that executors need outside the Java heap and beside PyTorch itself.
     *
     * @param tasks tasks of an executor at a time; empty if not known
     * @param rows rows that a task computes at a time
     * @param baseDropout whether the base drops out; its masks are not counted
     * @param precision of the frozen layers
     */
    public record Memory(OptionalInt tasks, int rows, boolean baseDropout, Precision precision) {}

    /**
     * What an epoch costs on any cluster: operations (a multiplication with its addition counts as two) without padding,
     * and bytes. Counted as {@link StepCost} counts.
     *
     * @param parts steps between which no group moves, in order
     * @param caching operations that compute the trunk activations for the cache; 0 without a cache or if they are cached
     * @param validation operations of the validation after the epoch
     */
    public record EpochLoad(List<Part> parts, double caching, double validation) {

        public EpochLoad {
            parts = List.copyOf(parts);
        }

        /**
         * Steps that cost the same.
         *
         * @param operations of one step's forward and backward, all rows of the global batch together
         * @param bytes of one rank's gradient
         */
        public record Part(long steps, double operations, long bytes) {}
    }

    LoraManifest manifest() {
        return planner.manifest();
    }

    /** Number of parameters that a group trains while it is live. */
    long parameters(String group) {
        return manifest().tensors(group).stream().mapToLong(TensorSpec::size).sum();
    }

    /** The most bytes that autograd saves for a task at any time of the run. */
    public long savedBytes() {
        return largest(state ->
                cost.savedBytes(state, subject.memory().rows(), subject.memory().precision()));
    }

    /** The most bytes that a task's copy of adapters and optimizer takes. */
    public long stateBytes() {
        return largest(cost::stateBytes);
    }

    /** The most bytes that the residuals of adapted weights take in a JVM; 0 for variants without them. */
    public long residualBytes() {
        return largest(state -> cost.residualBytes(state, subject.memory().precision()));
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

    /** The same run without an activation cache. */
    public RunPlan withoutCache() {
        return new RunPlan(subject, planner.withoutCache(), cost, timelines, warnings);
    }

    /** The same run with every group live throughout. */
    public RunPlan withEveryGroupLive() {
        RunLength length = subject.schedule().length();
        List<Timeline.Stretch> stretches = IntStream.range(0, length.epochs())
                .mapToObj(epoch -> new Timeline.Stretch(
                        StepPosition.of(epoch, 0, length.stepsPerEpoch()),
                        length.stepsIn(epoch),
                        cost.allLive(),
                        List.of()))
                .toList();
        Timeline timeline = new Timeline(Timeline.Kind.EXACT, stretches);
        return new RunPlan(subject, planner, cost, List.of(timeline), warnings);
    }

    /** What each epoch of a timeline costs. */
    public List<EpochLoad> loads(Timeline timeline) {
        return timeline.epochs(planner).stream().map(this::load).toList();
    }

    private EpochLoad load(Timeline.Epoch epoch) {
        ShardPlan shards = subject.data().shards();
        long validationRows = subject.data().validationRows().orElse(0);
        boolean cached = epoch.cache().isOn();
        // The mean over all steps, since the last one may be short.
        double rows = (double) shards.examples() / shards.stepsPerEpoch();
        List<EpochLoad.Part> parts = epoch.stretches().stream()
                .map(stretch -> new EpochLoad.Part(
                        stretch.steps(),
                        rows * cost.operations(stretch.state(), cached),
                        cost.allReduceBytes(stretch.state())))
                .toList();
        FreezeState last = epoch.lastState();
        double trunk = cost.forwardOperations(last, false) - cost.forwardOperations(last, cached);
        return new EpochLoad(
                parts,
                epoch.held() ? 0 : (shards.examples() + validationRows) * trunk,
                validationRows * cost.forwardOperations(last, cached));
    }

    /**
     * The trunk that each epoch caches: equal digests for equal activations, also in other runs over the same rows. Empty where
     * nothing is cached, or where a trained group is frozen below, whose values are the run's own.
     */
    public List<Optional<String>> trunks(Timeline timeline) {
        return timeline.epochs(planner).stream()
                .map(epoch -> Optional.of(epoch.cache().digest())
                        .filter(digest -> epoch.cache().isOn()
                                && epoch.lastState().in(GroupState.FROZEN).isEmpty()))
                .toList();
    }

    /** The most parameters that train at a time. */
    public long trainableParameters() {
        return largest(cost::trainableParameters);
    }

    /** Bytes that a cache holds for training and validation rows. */
    long cacheBytes(CachePlan epoch) {
        Data data = subject.data();
        return cost.cacheBytes(
                epoch, data.shards().examples() + data.validationRows().orElse(0));
    }

    /** Bytes of the largest cache of the run. */
    public long cacheBytes() {
        return timelines.stream()
                .flatMap(timeline -> timeline.epochs(planner).stream())
                .mapToLong(epoch -> cacheBytes(epoch.cache()))
                .max()
                .orElse(0);
    }

    /** Optimizer steps of the run. */
    public long steps() {
        return subject.schedule().length().steps();
    }
}
