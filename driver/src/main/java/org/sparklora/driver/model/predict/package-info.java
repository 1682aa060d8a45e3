/**
 * Predictions of a trained model. Open {@link org.sparklora.driver.model.predict.ScoreRows} first: it appends output columns to
 * the rows of any dataset.
 *
 * <p>A {@link org.sparklora.driver.model.predict.RowScorer} says how a row becomes outputs, and {@link
 * org.sparklora.driver.model.predict.HeadOutputs} turns logits into columns. The Spark ML models use both; {@link
 * org.sparklora.driver.model.predict.FilePrediction} does so for files.
 *
 * <p>Invariant: rows keep their order and all their columns, whichever rows they are computed together with.
 */
@NullMarked
package org.sparklora.driver.model.predict;

import org.jspecify.annotations.NullMarked;
