/**
 * What a trained model says of rows. Open {@link org.sparklora.driver.model.predict.ScoreRows} first, which scores a partition of any
 * dataset, as a {@link org.sparklora.driver.model.predict.RowScorer} says; {@link org.sparklora.driver.model.predict.FilePrediction} does that for files.
 *
 * <p>Invariant: rows leave in the order in which they came, with all their columns, whatever they are computed together with.
 */
@NullMarked
package org.sparklora.driver.model.predict;

import org.jspecify.annotations.NullMarked;
