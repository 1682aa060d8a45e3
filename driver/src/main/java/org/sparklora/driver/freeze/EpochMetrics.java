package org.sparklora.driver.freeze;

import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What a finished epoch showed.
 *
 * @param epoch from 0
 * @param trainLoss mean loss per example over the epoch
 * @param validation metrics by name ({@code accuracy}, {@code loss}, …); empty without validation data
 */
public record EpochMetrics(int epoch, double trainLoss, SortedMap<String, Double> validation) {

    public EpochMetrics {
        validation = Collections.unmodifiableSortedMap(new TreeMap<>(validation));
    }
}
