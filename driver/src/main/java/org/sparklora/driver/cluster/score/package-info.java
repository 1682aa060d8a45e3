/**
 * What predictions are worth, counted in plain Java: sets of labels ({@link org.sparklora.driver.cluster.score.LabelSetCounts}) and
 * named entities ({@link org.sparklora.driver.cluster.score.EntityCounts}).
 *
 * <p>Invariants: counts are whole numbers, so that no order of rows changes a metric, and a ratio whose denominator is 0 is
 * 0. Nothing here knows Spark or tensors.
 */
@NullMarked
package org.sparklora.driver.cluster.score;

import org.jspecify.annotations.NullMarked;
