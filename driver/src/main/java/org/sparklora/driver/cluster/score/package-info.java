/**
 * Metrics of predictions, counted in plain Java: sets of labels ({@link org.sparklora.driver.cluster.score.LabelSetCounts}),
 * named entities ({@link org.sparklora.driver.cluster.score.EntityCounts}) and the correlation of numbers ({@link
 * org.sparklora.driver.cluster.score.Correlation}). Counts of some rows can be merged with those of others.
 *
 * <p>Invariants: counts are integers, so the order of the rows does not change a metric; only a correlation depends on it, in
 * its last digits. A ratio with denominator 0 is 0.
 * Nothing here uses Spark or tensors.
 */
@NullMarked
package org.sparklora.driver.cluster.score;

import org.jspecify.annotations.NullMarked;
