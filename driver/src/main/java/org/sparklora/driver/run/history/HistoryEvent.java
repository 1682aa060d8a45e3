package org.sparklora.driver.run.history;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.sparklora.driver.job.freeze.EpochMetrics;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.data.Padding;

/** One event of {@code history.jsonl}. {@link #entry} maps each record to the names in the file. */
public sealed interface HistoryEvent {

    /** The event's name and fields as the file has them. */
    Entry entry();

    /**
     * A line of the file without its time.
     *
     * @param event value of {@code "event"}
     * @param fields what follows {@code "event"} and {@code "time"}, in order
     */
    record Entry(String event, Map<String, Object> fields) {

        static Entry of(String event, Object... namesAndValues) {
            Map<String, Object> fields = new LinkedHashMap<>();
            for (int i = 0; i < namesAndValues.length; i += 2) {
                fields.put((String) namesAndValues[i], namesAndValues[i + 1]);
            }
            return new Entry(event, fields);
        }

        private Entry with(String name, Object value) {
            fields.put(name, value);
            return this;
        }
    }

    /**
     * A run starts or resumes. The event holds what {@code replay} needs to re-evaluate the policy's decisions.
     *
     * @param seeds by purpose
     * @param environment versions, CPU models and the like, for people
     * @param choices decisions from job, model and data that change rounding: cache, folding, precision
     */
    record Run(
            Configuration configuration,
            String baseModelSha256,
            Map<String, Long> seeds,
            Environment environment,
            Map<String, String> choices)
            implements HistoryEvent {

        /**
         * The job from here on.
         *
         * @param yaml the whole config.yaml, which may change when the run resumes
         * @param initial states of the declared groups before the first epoch
         */
        public record Configuration(String sha256, String yaml, int stepsPerEpoch, FreezeState initial) {}

        /** Software and hardware of the driver. */
        public record Environment(Map<String, String> versions, List<String> cpu) {}

        @Override
        public Entry entry() {
            return Entry.of("run", "configuration_sha256", configuration.sha256(), "base_model_sha256", baseModelSha256)
                    .with("seeds", new TreeMap<>(seeds))
                    .with("versions", new TreeMap<>(environment.versions()))
                    .with("cpu", List.copyOf(environment.cpu()))
                    .with("choices", new TreeMap<>(choices))
                    .with("steps_per_epoch", configuration.stepsPerEpoch())
                    .with("initial", byState(configuration.initial()))
                    .with("configuration", configuration.yaml());
        }
    }

    private static Map<String, Object> byState(FreezeState state) {
        Map<String, Object> groups = new LinkedHashMap<>();
        for (GroupState each : List.of(GroupState.LIVE, GroupState.FROZEN, GroupState.DORMANT)) {
            groups.put(each.label(), state.in(each));
        }
        return groups;
    }

    /**
     * An epoch starts.
     *
     * @param state of the declared groups
     * @param activationCache {@code on} or {@code off}, and why
     * @param reason why the groups are in their states
     */
    record EpochStart(int epoch, FreezeState state, Cost cost, String activationCache, String reason)
            implements HistoryEvent {

        /** What the epoch trains and sends. */
        public record Cost(long trainableParameters, long allReduceBytesPerStep) {}

        @Override
        public Entry entry() {
            Entry entry = Entry.of("epoch_start", "epoch", epoch);
            byState(state).forEach(entry::with);
            return entry.with("trainable_parameters", cost.trainableParameters())
                    .with("all_reduce_bytes_per_step", cost.allReduceBytesPerStep())
                    .with("activation_cache", activationCache)
                    .with("reason", reason);
        }
    }

    /**
     * The frozen trunk has run once and its activations are cached.
     *
     * @param epoch first epoch that reads the cache
     * @param storage memory or disk; results do not depend on it
     */
    record ActivationsCached(int epoch, Size size, String storage, double seconds) implements HistoryEvent {

        /**
         * What is cached.
         *
         * @param layer the lowest trainable layer; the cache holds its input
         * @param rows of training and validation
         */
        public record Size(String layer, long rows, long bytes, String precision) {}

        @Override
        public Entry entry() {
            return Entry.of("kept", "epoch", epoch, "entering", size.layer(), "rows", size.rows())
                    .with("bytes", size.bytes())
                    .with("activation_cache_type", size.precision())
                    .with("storage", storage)
                    .with("seconds", seconds);
        }
    }

    /**
     * A group thaws, freezes, or is added to a resumed run.
     *
     * @param step of the epoch before which it happens; 0 means before the epoch and is not written
     */
    record GroupChange(Kind kind, int epoch, int step, String group, String reason) implements HistoryEvent {

        /** What happens to the group. */
        public enum Kind {
            THAW,
            FREEZE,
            ADD;

            /** The event's name. */
            public String label() {
                return name().toLowerCase(Locale.ROOT);
            }
        }

        @Override
        public Entry entry() {
            Entry entry = Entry.of(kind.label(), "epoch", epoch);
            return (step > 0 ? entry.with("epoch_step", step) : entry)
                    .with("group", group)
                    .with("reason", reason);
        }
    }

    /** Values, moments and step counts return to the state at the end of an earlier epoch. */
    record Restore(int epoch, int restoredEpoch, String reason) implements HistoryEvent {
        @Override
        public Entry entry() {
            return Entry.of("restore", "epoch", epoch, "restored_epoch", restoredEpoch, "reason", reason);
        }
    }

    /** The policy ends the run before an epoch. */
    record Stop(int epoch, String reason) implements HistoryEvent {
        @Override
        public Entry entry() {
            return Entry.of("stop", "epoch", epoch, "reason", reason);
        }
    }

    /**
     * One optimizer step. Numbers are {@code Float} or {@code Double}, and each is written with the digits that its type
     * needs.
     *
     * @param examples that loss and gradient cover
     * @param learningRate of each live group; with LoRA+ the rate of A
     */
    record Step(At at, Number loss, int examples, GradientNorms norms, Map<String, ? extends Number> learningRate)
            implements HistoryEvent {

        /** Epoch from 0, and step of the whole run from 0. */
        public record At(int epoch, int step) {}

        /** Before clipping. */
        public record GradientNorms(Number total, Map<String, ? extends Number> byGroup) {}

        @Override
        public Entry entry() {
            return Entry.of("step", "epoch", at.epoch(), "step", at.step(), "loss", loss, "grad_norm", norms.total())
                    .with("group_grad_norm", new TreeMap<>(norms.byGroup()))
                    .with("learning_rate", new TreeMap<>(learningRate))
                    .with("examples", examples);
        }
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
    record EpochEnd(
            EpochMetrics metrics, Padding padding, Map<String, Double> seconds, Map<String, ? extends Number> work)
            implements HistoryEvent {
        @Override
        public Entry entry() {
            Entry entry = Entry.of("epoch_end", "epoch", metrics.epoch(), "train_loss", metrics.trainLoss())
                    .with("validation", metrics.validation())
                    .with("group_grad_norm", metrics.gradientNorms())
                    .with("tokens", padding.tokens())
                    .with("padding", padding.share())
                    .with("seconds", new TreeMap<>(seconds));
            return work.isEmpty() ? entry : entry.with("work", new TreeMap<>(work));
        }
    }

    /**
     * Steps failed and will run again.
     *
     * @param step of the whole run from 0, the first that failed
     * @param attempt how many failures in a row, from 1
     */
    record Failure(int epoch, long step, int attempt, String message) implements HistoryEvent {
        @Override
        public Entry entry() {
            return Entry.of("failure", "attempt", attempt, "epoch", epoch, "message", message, "step", step);
        }
    }

    /** The run continues after a failure, from a step, with this many ranks. */
    record Recovered(int epoch, long step, int ranks) implements HistoryEvent {
        @Override
        public Entry entry() {
            return Entry.of("recovered", "epoch", epoch, "ranks", ranks, "step", step);
        }
    }

    /** The run is complete. */
    record Finished(String adapterSha256, double seconds) implements HistoryEvent {
        @Override
        public Entry entry() {
            return Entry.of("finished", "adapter_sha256", adapterSha256, "seconds", seconds);
        }
    }
}
