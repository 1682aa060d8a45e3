package org.sparklora.driver.run.history;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.data.Padding;

/** One event of {@code history.jsonl}. Each record's fields stand in the file under the names of {@link #fields}. */
public sealed interface HistoryEvent {

    /** The value of {@code "event"}. */
    String event();

    /** What follows {@code "event"} and {@code "time"}, in order. Maps inside are sorted by key. */
    Map<String, Object> fields();

    /** Events that stay in the history when a resumed run cuts it back to its checkpoint. */
    static boolean outlivesResume(String event) {
        return event.equals("failure") || event.equals("recovered");
    }

    /**
     * A run begins or goes on: what it depends on, and what its decisions about groups can be taken again from.
     *
     * @param seeds by purpose
     * @param environment versions, CPU models and the like, for people
     * @param choices everything decided from job, model and data that changes rounding: cache, folding, precision
     */
    record Run(
            Configuration configuration,
            String baseModelSha256,
            Map<String, Long> seeds,
            Environment environment,
            Map<String, String> choices)
            implements HistoryEvent {

        /**
         * The job as it is from here on.
         *
         * @param yaml what config.yaml holds, whole: the next time that the run goes on it may say something else
         * @param initial the declared groups' states before the first epoch
         */
        public record Configuration(String sha256, String yaml, int stepsPerEpoch, FreezeState initial) {}

        /** Where the run takes place. */
        public record Environment(Map<String, String> versions, List<String> cpu) {}

        @Override
        public String event() {
            return "run";
        }

        @Override
        public Map<String, Object> fields() {
            Map<String, Object> fields = new LinkedHashMap<>();
            fields.put("configuration_sha256", configuration.sha256());
            fields.put("base_model_sha256", baseModelSha256);
            fields.put("seeds", new TreeMap<>(seeds));
            fields.put("versions", new TreeMap<>(environment.versions()));
            fields.put("cpu", List.copyOf(environment.cpu()));
            fields.put("choices", new TreeMap<>(choices));
            fields.put("steps_per_epoch", configuration.stepsPerEpoch());
            fields.put("initial", byState(configuration.initial()));
            fields.put("configuration", configuration.yaml());
            return fields;
        }
    }

    private static Map<String, Object> byState(FreezeState state) {
        Map<String, Object> groups = new LinkedHashMap<>();
        groups.put("live", state.in(GroupState.LIVE));
        groups.put("frozen", state.in(GroupState.FROZEN));
        groups.put("dormant", state.in(GroupState.DORMANT));
        return groups;
    }

    /**
     * An epoch begins, with the declared groups' states.
     *
     * @param activationCache {@code on} or {@code off}, and why
     * @param reason why the groups are in their states
     */
    record EpochStart(int epoch, FreezeState state, Cost cost, String activationCache, String reason)
            implements HistoryEvent {

        /** What the epoch trains and sends. */
        public record Cost(long trainableParameters, long allReduceBytesPerStep) {}

        @Override
        public String event() {
            return "epoch_start";
        }

        @Override
        public Map<String, Object> fields() {
            Map<String, Object> fields = new LinkedHashMap<>();
            fields.put("epoch", epoch);
            fields.putAll(byState(state));
            fields.put("trainable_parameters", cost.trainableParameters());
            fields.put("all_reduce_bytes_per_step", cost.allReduceBytesPerStep());
            fields.put("activation_cache", activationCache);
            fields.put("reason", reason);
            return fields;
        }
    }

    /**
     * The frozen prefix has run once, and what enters the lowest live stage is kept.
     *
     * @param epoch first epoch that uses it
     * @param storage where: memory or disk, which changes no number
     */
    record Kept(int epoch, Size size, String storage, double seconds) implements HistoryEvent {

        /**
         * How much it is.
         *
         * @param entering name of the stage whose input is kept
         * @param rows of training and validation
         */
        public record Size(String entering, long rows, long bytes, String precision) {}

        @Override
        public String event() {
            return "kept";
        }

        @Override
        public Map<String, Object> fields() {
            Map<String, Object> fields = new LinkedHashMap<>();
            fields.put("epoch", epoch);
            fields.put("entering", size.entering());
            fields.put("rows", size.rows());
            fields.put("bytes", size.bytes());
            fields.put("activation_cache_type", size.precision());
            fields.put("storage", storage);
            fields.put("seconds", seconds);
            return fields;
        }
    }

    /**
     * A group thaws, freezes, or is added to a run that is under way.
     *
     * @param step of the epoch, before which it happens; 0 is before the epoch, and not written
     */
    record GroupChange(Kind kind, int epoch, int step, String group, String reason) implements HistoryEvent {

        /** What happens to the group; also the event's name. */
        public enum Kind {
            THAW("thaw"),
            FREEZE("freeze"),
            ADD("add");

            private final String label;

            Kind(String label) {
                this.label = label;
            }
        }

        @Override
        public String event() {
            return kind.label;
        }

        @Override
        public Map<String, Object> fields() {
            Map<String, Object> fields = new LinkedHashMap<>();
            fields.put("epoch", epoch);
            if (step > 0) {
                fields.put("epoch_step", step);
            }
            fields.put("group", group);
            fields.put("reason", reason);
            return fields;
        }
    }

    /** Values, moments and step counts go back to what they were at the end of an earlier epoch. */
    record Restore(int epoch, int restoredEpoch, String reason) implements HistoryEvent {

        @Override
        public String event() {
            return "restore";
        }

        @Override
        public Map<String, Object> fields() {
            Map<String, Object> fields = new LinkedHashMap<>();
            fields.put("epoch", epoch);
            fields.put("restored_epoch", restoredEpoch);
            fields.put("reason", reason);
            return fields;
        }
    }

    /** The policy ends the run before an epoch. */
    record Stop(int epoch, String reason) implements HistoryEvent {

        @Override
        public String event() {
            return "stop";
        }

        @Override
        public Map<String, Object> fields() {
            Map<String, Object> fields = new LinkedHashMap<>();
            fields.put("epoch", epoch);
            fields.put("reason", reason);
            return fields;
        }
    }

    /**
     * One optimizer step. Numbers are {@code Float} or {@code Double}, as computed: each is written with the digits that
     * its own type needs.
     *
     * @param examples that the loss and the gradient are over
     * @param learningRate of each live group; with LoRA+ that of its A, of which B has a multiple
     */
    record Step(At at, Number loss, int examples, GradientNorms norms, Map<String, ? extends Number> learningRate)
            implements HistoryEvent {

        /** Epoch from 0, step of the whole run from 0. */
        public record At(int epoch, int step) {}

        /** Before clipping. */
        public record GradientNorms(Number total, Map<String, ? extends Number> byGroup) {}

        @Override
        public String event() {
            return "step";
        }

        @Override
        public Map<String, Object> fields() {
            Map<String, Object> fields = new LinkedHashMap<>();
            fields.put("epoch", at.epoch());
            fields.put("step", at.step());
            fields.put("loss", loss);
            fields.put("grad_norm", norms.total());
            fields.put("group_grad_norm", new TreeMap<>(norms.byGroup()));
            fields.put("learning_rate", new TreeMap<>(learningRate));
            fields.put("examples", examples);
            return fields;
        }
    }

    /**
     * An epoch is over.
     *
     * @param validation metrics that apply to the task; empty without validation data
     * @param groupGradNorm by group that was live: mean over the epoch's steps, which policies read
     * @param padding of the epoch's steps; its share is what they computed in vain
     * @param seconds by part, {@code total} among them. {@code train} and {@code validation} are the driver's; of what
     *     {@code worker.contract.Phase} names, and of {@code forward_backward}, which sums up data, prefix, forward and
     *     backward, one rank's
     * @param work counts of what was computed and sent, and would have been without what is skipped; empty: not counted
     */
    record EpochEnd(
            int epoch,
            Number trainLoss,
            Map<String, ? extends Number> validation,
            Map<String, ? extends Number> groupGradNorm,
            Padding padding,
            Map<String, Double> seconds,
            Map<String, ? extends Number> work)
            implements HistoryEvent {

        /** Without counts. */
        public EpochEnd(
                int epoch,
                Number trainLoss,
                Map<String, ? extends Number> validation,
                Map<String, ? extends Number> groupGradNorm,
                Padding padding,
                Map<String, Double> seconds) {
            this(epoch, trainLoss, validation, groupGradNorm, padding, seconds, Map.of());
        }

        @Override
        public String event() {
            return "epoch_end";
        }

        @Override
        public Map<String, Object> fields() {
            Map<String, Object> fields = new LinkedHashMap<>();
            fields.put("epoch", epoch);
            fields.put("train_loss", trainLoss);
            fields.put("validation", new TreeMap<>(validation));
            fields.put("group_grad_norm", new TreeMap<>(groupGradNorm));
            fields.put("tokens", padding.tokens());
            fields.put("padding", padding.share());
            fields.put("seconds", new TreeMap<>(seconds));
            if (!work.isEmpty()) {
                fields.put("work", new TreeMap<>(work));
            }
            return fields;
        }
    }

    /**
     * Something failed, or work goes on after it.
     *
     * @param details plain values, e.g. epoch, step, attempt, message
     */
    record Trouble(boolean recovered, SortedMap<String, Object> details) implements HistoryEvent {

        public Trouble {
            details = Collections.unmodifiableSortedMap(new TreeMap<>(details));
        }

        @Override
        public String event() {
            return recovered ? "recovered" : "failure";
        }

        @Override
        public Map<String, Object> fields() {
            return new LinkedHashMap<>(details);
        }
    }

    /** The run is complete. */
    record Finished(String adapterSha256, double seconds) implements HistoryEvent {

        @Override
        public String event() {
            return "finished";
        }

        @Override
        public Map<String, Object> fields() {
            Map<String, Object> fields = new LinkedHashMap<>();
            fields.put("adapter_sha256", adapterSha256);
            fields.put("seconds", seconds);
            return fields;
        }
    }
}
