package org.sparklora.driver.training;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.cluster.data.KeyRows.Dealt;
import org.sparklora.driver.run.loop.RunListener;
import org.sparklora.driver.run.loop.TrainingLoop;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.lora.LoraVariant;

/**
 * What training on the rows of one key gave. It crosses from a task to the driver.
 *
 * @param epochs finished epochs, in order
 * @param trained null if training failed
 * @param reason why it failed; else empty
 */
record KeyResult(String key, List<Epoch> epochs, @Nullable Trained trained, String reason) implements Serializable {

    /** The outcome of an epoch; groups are in the states in which it began. */
    record Epoch(int epoch, double trainLoss, TreeMap<String, Double> validation, FreezeState freeze)
            implements Serializable {}

    /**
     * The result as it is saved.
     *
     * @param freeze states of the groups at the end
     * @param epoch whose adapter it is
     */
    record Trained(LoraManifest manifest, FreezeState freeze, AdapterSnapshot values, int epoch, Rows rows)
            implements Serializable {}

    /** The rows that it was trained on, and their labels. */
    record Rows(long training, long validation, List<String> labels) implements Serializable {

        static Rows of(Dealt training, long validation, List<String> labels) {
            return new Rows(training.plan().examples(), validation, labels);
        }
    }

    static KeyResult of(String key, List<Epoch> epochs, LoraManifest manifest, TrainingLoop.Result result, Rows rows) {
        LoraVariant.Saved saved = LoraVariant.of(manifest).saved(manifest, result.adapter());
        return new KeyResult(
                key, epochs, new Trained(saved.manifest(), result.freeze(), saved.values(), result.epoch(), rows), "");
    }

    static KeyResult failed(String key, List<Epoch> epochs, String reason) {
        return new KeyResult(key, epochs, null, reason);
    }

    /** Collects the epochs of a run. */
    static final class Epochs implements RunListener {

        final List<Epoch> all = new ArrayList<>();
        private FreezeState freeze = new FreezeState(new TreeMap<>());

        @Override
        public void epochStarts(EpochPlan plan, String reason) {
            freeze = plan.freeze();
        }

        @Override
        public void epochEnds(EpochResult result) {
            SortedMap<String, Double> validation = result.metrics().validation();
            all.add(new Epoch(
                    result.metrics().epoch(), result.metrics().trainLoss(), new TreeMap<>(validation), freeze));
        }
    }
}
