package org.sparklora.driver.job.freeze;

import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * The metrics of a finished epoch.
 *
 * @param epoch from 0
 * @param trainLoss mean loss over the epoch, by the weights of the loss
 * @param validation metrics by name ({@code accuracy}, {@code loss}, …); empty without validation data
 * @param gradientNorms by group that was live: the mean over the epoch's steps of its gradient's norm before clipping; a
 *     group that was live for part of the epoch counts the steps at which it was
 */
public record EpochMetrics(
        int epoch, double trainLoss, SortedMap<String, Double> validation, SortedMap<String, Double> gradientNorms) {

    public EpochMetrics {
        validation = Collections.unmodifiableSortedMap(new TreeMap<>(validation));
        gradientNorms = Collections.unmodifiableSortedMap(new TreeMap<>(gradientNorms));
    }

    /**
     * Checks that these are the metrics of all epochs before one.
     *
     * @throws IllegalStateException if they are not
     */
    static void require(List<EpochMetrics> seen, int epoch) {
        boolean inOrder =
                IntStream.range(0, seen.size()).allMatch(i -> seen.get(i).epoch() == i);
        if (seen.size() != epoch || !inOrder) {
            throw new IllegalStateException(
                    "the decision before epoch " + epoch + " needs the metrics of each epoch before it, not "
                            + seen.stream().map(EpochMetrics::epoch).toList());
        }
    }

    /** Whether a smaller value of a validation metric is better; for any other metric a larger value is. */
    public static boolean lessIsBetter(String metric) {
        return metric.equals("loss") || metric.equals("mse");
    }

    /**
     * A validation metric of this epoch.
     *
     * @throws IllegalStateException if the epoch does not have it
     */
    double validated(String metric) {
        Double value = validation.get(metric);
        if (value == null) {
            throw new IllegalStateException("schedule.metric '" + metric + "' is not among the validation metrics "
                    + validation.keySet() + " of epoch " + epoch);
        }
        return value;
    }

    /**
     * The mean gradient norm of a group that was live.
     *
     * @throws IllegalStateException if the epoch has none
     */
    double gradientNorm(String group) {
        Double value = gradientNorms.get(group);
        if (value == null) {
            throw new IllegalStateException("the history has no gradient norm of group '" + group + "' in epoch "
                    + epoch + ", only of " + gradientNorms.keySet());
        }
        return value;
    }
}
