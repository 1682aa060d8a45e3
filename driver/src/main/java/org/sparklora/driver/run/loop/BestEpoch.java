package org.sparklora.driver.run.loop;

import java.util.List;
import java.util.OptionalInt;
import java.util.SortedMap;
import org.sparklora.driver.job.freeze.EpochMetrics;
import org.sparklora.driver.run.loop.TrainingLoop.StoppingCriteria;

/**
 * Which epoch was best by a validation metric, and whether to go on. A metric of errors ({@code loss}, {@code mse}) is
 * better when smaller, any other when larger, as transformers' Trainer has it; equal is not better.
 *
 * <p>Computed from the finished epochs and not remembered, so that a resumed run has nothing to restore.
 */
final class BestEpoch {

    private final String metric;
    private final OptionalInt patience;
    private int best = -1;
    private double bestValue = Double.NaN;
    private int last = -1;

    /**
     * @param metric name as in the history, with or without transformers' prefix {@code eval_}
     * @param patience epochs without improvement after which to stop; empty: never
     */
    private BestEpoch(String metric, OptionalInt patience) {
        this.metric = metric.startsWith("eval_") ? metric.substring("eval_".length()) : metric;
        this.patience = patience;
    }

    /** The best of these epochs. */
    static BestEpoch of(StoppingCriteria ending, List<EpochMetrics> seen) {
        BestEpoch best = new BestEpoch(ending.metric(), ending.patience());
        seen.forEach(epoch -> best.offer(epoch.epoch(), epoch.validation()));
        return best;
    }

    private void offer(int epoch, SortedMap<String, Double> validation) {
        Double value = validation.get(metric);
        if (value == null) {
            throw new IllegalArgumentException("training.metric_for_best_model '" + metric
                    + "' is not among this run's validation metrics " + validation.keySet());
        }
        last = epoch;
        boolean smaller = EpochMetrics.lessIsBetter(metric);
        if (best < 0 || (smaller ? value < bestValue : value > bestValue)) {
            best = epoch;
            bestValue = value;
        }
    }

    /** The best epoch; -1 before the first. */
    int epoch() {
        return best;
    }

    /** Whether patience has run out. */
    boolean exhausted() {
        return patience.isPresent() && last - best >= patience.getAsInt();
    }
}
