/**
 * Metrics of predictions, counted in plain Java: sets of labels ({@link org.sparklora.driver.cluster.score.LabelSetCounts})
 * and named entities ({@link org.sparklora.driver.cluster.score.EntityCounts}).
 *
 * <p>Invariants: counts are integers, so the order of the rows does not change a metric. A ratio with denominator 0 is 0.
 * Nothing here uses Spark or tensors.
 */
@NullMarked
package org.sparklora.driver.cluster.score;

import org.jspecify.annotations.NullMarked;
