package org.sparklora.driver.loop;

import java.util.OptionalInt;
import java.util.SortedMap;

/**
 * Which epoch was best by a validation metric, and whether to go on. A metric of errors ({@code loss}, {@code mse}) is
 * better when smaller, any other when larger, as transformers' Trainer has it; equal is not better.
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
    BestEpoch(String metric, OptionalInt patience) {
        this.metric = metric.startsWith("eval_") ? metric.substring("eval_".length()) : metric;
        this.patience = patience;
    }

    /** Takes note of an epoch; true when it is the best so far. */
    boolean offer(int epoch, SortedMap<String, Double> validation) {
        Double value = validation.get(metric);
        if (value == null) {
            throw new IllegalArgumentException("training.metric_for_best_model '" + metric
                    + "' is not among this run's validation metrics " + validation.keySet());
        }
        last = epoch;
        boolean smaller = metric.equals("loss") || metric.equals("mse");
        boolean better = best < 0 || (smaller ? value < bestValue : value > bestValue);
        if (better) {
            best = epoch;
            bestValue = value;
        }
        return better;
    }

    /** Whether patience has run out. */
    boolean exhausted() {
        return patience.isPresent() && last - best >= patience.getAsInt();
    }
}
