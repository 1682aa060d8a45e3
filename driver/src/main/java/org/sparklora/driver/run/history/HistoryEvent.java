package org.sparklora.driver.run.history;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.driver.job.freeze.EpochMetrics;
import org.sparklora.driver.run.loop.LostExecutor;
import org.sparklora.driver.run.loop.RunListener.CacheStats;
import org.sparklora.driver.run.loop.RunListener.SlowRank;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.Padding;

/**
 * One event of {@code history.jsonl}. Each kind of event has a method, which gives its fields their names in the file.
 *
 * @param name value of {@code "event"}
 * @param fields what follows {@code "event"} and {@code "time"}, in order
 */
public record HistoryEvent(String name, Map<String, Object> fields) {

    private static HistoryEvent of(String name, Object... namesAndValues) {
        return new HistoryEvent(name, new LinkedHashMap<>()).with(namesAndValues);
    }

    private HistoryEvent with(Object... namesAndValues) {
        for (int i = 0; i < namesAndValues.length; i += 2) {
            fields.put((String) namesAndValues[i], namesAndValues[i + 1]);
        }
        return this;
    }

    private static Map<String, Object> byState(FreezeState state) {
        Map<String, Object> groups = new LinkedHashMap<>();
        for (GroupState each : List.of(GroupState.LIVE, GroupState.FROZEN, GroupState.DORMANT)) {
            groups.put(each.label(), state.in(each));
        }
        return groups;
    }

    /**
     * The job of a run.
     *
     * @param yaml the whole config.yaml, which may change when the run resumes
     * @param initial states of the declared groups before the first epoch
     */
    public record Configuration(String sha256, String yaml, int stepsPerEpoch, FreezeState initial) {}

    /** Software and CPU models of the driver. */
    public record Environment(Map<String, String> versions, List<String> cpu) {}

    /**
     * A run starts or resumes. The event holds what {@code replay} needs to re-evaluate the policy's decisions.
     *
     * @param seeds by purpose
     * @param choices decisions from job, model and data that change rounding: cache, folding, precision
     */
    public static HistoryEvent run(
            Configuration configuration,
            String baseModelSha256,
            Map<String, Long> seeds,
            Environment environment,
            Map<String, String> choices) {
        return of("run", "configuration_sha256", configuration.sha256(), "base_model_sha256", baseModelSha256)
                .with("seeds", new TreeMap<>(seeds), "versions", new TreeMap<>(environment.versions()))
                .with("cpu", environment.cpu(), "choices", new TreeMap<>(choices))
                .with("steps_per_epoch", configuration.stepsPerEpoch(), "initial", byState(configuration.initial()))
                .with("configuration", configuration.yaml());
    }

    /** The run read tables or queries: their names, rows and digests, by key of the job. */
    public HistoryEvent reading(SortedMap<String, ?> sources) {
        return sources.isEmpty() ? this : with("sources", sources);
    }

    /**
     * An epoch starts.
     *
     * @param state of the declared groups
     * @param cache {@code on} or {@code off}, and why
     * @param reason why the groups are in their states
     */
    public static HistoryEvent epochStart(
            int epoch, FreezeState state, long trainableParameters, String cache, String reason) {
        HistoryEvent event = of("epoch_start", "epoch", epoch);
        byState(state).forEach(event::with);
        return event.with("trainable_parameters", trainableParameters)
                .with("all_reduce_bytes_per_step", trainableParameters * Float.BYTES)
                .with("activation_cache", cache, "reason", reason);
    }

    /** The frozen trunk has run once and its activations are cached. */
    public static HistoryEvent cached(CacheStats stats, double seconds) {
        return of("kept", "epoch", stats.epoch(), "entering", stats.entering(), "rows", stats.rows())
                .with("bytes", stats.bytes(), "activation_cache_type", stats.precision())
                .with("storage", stats.storage(), "seconds", seconds);
    }

    /** What happens to a group. */
    public enum GroupChange {
        THAW(GroupState.LIVE),
        FREEZE(GroupState.FROZEN),
        /** The group is new in the job. */
        ADD(GroupState.DORMANT);

        private final GroupState state;

        GroupChange(GroupState state) {
            this.state = state;
        }

        /** The group's state from now on. */
        public GroupState state() {
            return state;
        }

        /** The event's name. */
        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * A group thaws, freezes, or is added to a resumed run.
     *
     * @param step of the epoch before which it happens; 0 means before the epoch and is not written
     */
    public static HistoryEvent group(GroupChange change, int epoch, int step, String group, String reason) {
        HistoryEvent event = of(change.label(), "epoch", epoch);
        return (step > 0 ? event.with("epoch_step", step) : event).with("group", group, "reason", reason);
    }

    /** Values, moments and step counts return to the state at the end of an earlier epoch. */
    public static HistoryEvent restore(int epoch, int restoredEpoch, String reason) {
        return of("restore", "epoch", epoch, "restored_epoch", restoredEpoch, "reason", reason);
    }

    /** The policy ends the run before an epoch. */
    public static HistoryEvent stop(int epoch, String reason) {
        return of("stop", "epoch", epoch, "reason", reason);
    }

    /** Gradient norms before clipping. */
    public record GradientNorms(Number total, Map<String, ? extends Number> byGroup) {}

    /**
     * One optimizer step. Numbers are {@code Float} or {@code Double}, and each is written with the digits that its type
     * needs.
     *
     * @param step of the whole run, from 0
     * @param examples that loss and gradient cover
     * @param learningRate of each live group; with LoRA+ the rate of A
     */
    public static HistoryEvent step(
            int epoch,
            long step,
            Number loss,
            int examples,
            GradientNorms norms,
            Map<String, ? extends Number> learningRate) {
        return of("step", "epoch", epoch, "step", step, "loss", loss, "grad_norm", norms.total())
                .with("group_grad_norm", new TreeMap<>(norms.byGroup()), "learning_rate", new TreeMap<>(learningRate))
                .with("examples", examples);
    }

    /**
     * AdaLoRA's masks changed after a step.
     *
     * @param step of the whole run, from 0
     * @param budget triplets that the modules may keep together
     * @param kept by module that has trained: how many it keeps
     */
    public static HistoryEvent ranks(int epoch, long step, int budget, Map<String, Integer> kept) {
        return of("ranks", "epoch", epoch, "step", step, "budget", budget, "kept", new TreeMap<>(kept));
    }

    /**
     * An epoch is complete.
     *
     * @param padding share of padding in the computed tokens
     * @param seconds by part. {@code total}, {@code train} and {@code validation} are measured on the driver; the phases of
     *     {@code worker.contract.Phase}, and {@code forward_backward}, which sums data, prefix, forward and backward, on one
     *     rank
     * @param work operations and bytes, with and without what was skipped; empty if not counted
     */
    public static HistoryEvent epochEnd(
            EpochMetrics metrics, Padding padding, Map<String, Double> seconds, Map<String, ? extends Number> work) {
        HistoryEvent event = of("epoch_end", "epoch", metrics.epoch(), "train_loss", metrics.trainLoss())
                .with("validation", metrics.validation(), "group_grad_norm", metrics.gradientNorms())
                .with("tokens", padding.tokens(), "padding", padding.share(), "seconds", new TreeMap<>(seconds));
        return work.isEmpty() ? event : event.with("work", new TreeMap<>(work));
    }

    /**
     * Steps failed and will run again.
     *
     * @param step of the whole run from 0, the first that failed
     * @param attempt how many failures in a row, from 1
     */
    public static HistoryEvent failure(int epoch, long step, int attempt, String message) {
        return of("failure", "attempt", attempt, "epoch", epoch, "message", message, "step", step);
    }

    /** The run continues after a failure, from a step, with this many ranks. */
    public static HistoryEvent recovered(int epoch, long step, int ranks) {
        return of("recovered", "epoch", epoch, "ranks", ranks, "step", step);
    }

    /**
     * The run waited for executors.
     *
     * @param slots tasks that can run at once now
     * @param wanted slots that it waited for
     */
    public static HistoryEvent waited(int epoch, long step, int slots, int wanted, double seconds) {
        return of("waited", "epoch", epoch, "seconds", seconds, "slots", slots, "step", step)
                .with("wanted", wanted);
    }

    /** The cluster took an executor from the run. */
    public static HistoryEvent executorLost(LostExecutor lost) {
        return of("executor_lost", "phase", lost.phase().label(), "executor", lost.executor())
                .with("host", lost.host(), "reason", lost.reason(), "seconds", lost.seconds());
    }

    /** Ranks waited for a slow one. */
    public static HistoryEvent slow(int epoch, SlowRank rank) {
        return of("slow", "epoch", epoch, "host", rank.host(), "rank", rank.rank(), "seconds", rank.seconds())
                .with("shards", rank.shards());
    }

    /**
     * An epoch of the adapter of one key is complete.
     *
     * @param key the key's text
     * @param state of the declared groups when the epoch began
     */
    public static HistoryEvent keyEpoch(
            String key, int epoch, double trainLoss, Map<String, Double> validation, FreezeState state) {
        HistoryEvent event = of("key_epoch", "key", key, "epoch", epoch, "train_loss", trainLoss)
                .with("validation", new TreeMap<>(validation));
        byState(state).forEach(event::with);
        return event;
    }

    /** The adapter of a key cannot be trained. */
    public static HistoryEvent keyFailed(String key, String reason) {
        return of("key_failed", "key", key, "reason", reason);
    }

    /** The run is complete. */
    public static HistoryEvent finished(String adapterSha256, double seconds) {
        return of("finished", "adapter_sha256", adapterSha256, "seconds", seconds);
    }
}
