package org.sparklora.driver.training.sweep;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.driver.job.freeze.EpochMetrics;

/**
 * Where a trial has arrived.
 *
 * @param varied the values of the varied keys
 * @param epochs metrics of all its epochs
 * @param resultEpoch the epoch whose adapter is the trial's; −1 without one
 * @param adapterSha256 of adapter_model.safetensors; empty without one
 * @param note why it ended early; empty if it did not
 * @param output its run directory
 */
public record TrialResult(
        String id,
        Map<String, String> varied,
        State state,
        List<EpochMetrics> epochs,
        int resultEpoch,
        String adapterSha256,
        String note,
        String output) {

    static final String TRAIN_LOSS = "train_loss";

    /** In the order of the leaderboard. */
    public enum State {
        FINISHED,
        TRAINING,
        STOPPED,
        DIVERGED;

        String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** Validation metrics and training loss of the epoch whose adapter is the trial's. */
    SortedMap<String, Double> metrics() {
        TreeMap<String, Double> metrics = new TreeMap<>();
        if (resultEpoch >= 0) {
            metrics.putAll(epochs.get(resultEpoch).validation());
            metrics.put(TRAIN_LOSS, epochs.get(resultEpoch).trainLoss());
        }
        return metrics;
    }

    /** A metric; not a number if the trial does not have it. */
    double value(String metric) {
        return metrics().getOrDefault(metric, Double.NaN);
    }
}
