package org.sparklora.driver.job.config;

import java.util.Optional;
import java.util.SortedMap;

/**
 * Weights of classes in the loss.
 *
 * @param byLabel weights of labels; empty for {@code balanced}, where a class weighs the less the more rows it has
 */
public record ClassWeights(Optional<SortedMap<String, Double>> byLabel) {

    static final String BALANCED = "balanced";
}
