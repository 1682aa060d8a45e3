package org.sparklora.driver.run.loop;

import java.util.List;
import java.util.OptionalInt;
import org.sparklora.driver.job.freeze.EpochMetrics;

/**
 * When to end, and which epoch's adapter is the result. A smaller {@code loss} or {@code mse} is better, of any other
 * metric a larger value, as in transformers' Trainer; an equal value is not better. The best epoch is computed from the
 * finished epochs, so a resumed run has nothing to restore.
 *
 * @param metric metric_for_best_model, with or without transformers' prefix {@code eval_}
 * @param loadBest whether the result is the adapter of the best epoch instead of the last
 * @param patience epochs without improvement after which to stop; empty: never
 */
public record StoppingCriteria(int epochs, String metric, boolean loadBest, OptionalInt patience) {

    boolean needsBest() {
        return loadBest || patience.isPresent();
    }

    /** Whether the run ends after these epochs. */
    public boolean reached(List<EpochMetrics> seen) {
        return seen.size() >= epochs
                || (patience.isPresent()
                        && !seen.isEmpty()
                        && seen.size() - 1 - bestEpoch(seen) >= patience.getAsInt());
    }

    /** The epoch whose adapter is the result of a run of these epochs, of which there is at least one. */
    public int resultEpoch(List<EpochMetrics> seen) {
        return loadBest ? bestEpoch(seen) : seen.size() - 1;
    }

    /** The best of these epochs, of which there is at least one. */
    int bestEpoch(List<EpochMetrics> seen) {
        String name = metric.startsWith("eval_") ? metric.substring("eval_".length()) : metric;
        boolean lessIsBetter = EpochMetrics.lessIsBetter(name);
        int best = -1;
        double bestValue = Double.NaN;
        for (EpochMetrics epoch : seen) {
            Double value = epoch.validation().get(name);
            if (value == null) {
                throw new IllegalArgumentException("training.metric_for_best_model '" + name
                        + "' is not one of this run's validation metrics "
                        + epoch.validation().keySet());
            }
            if (best < 0 || (lessIsBetter ? value < bestValue : value > bestValue)) {
                best = epoch.epoch();
                bestValue = value;
            }
        }
        return best;
    }
}
