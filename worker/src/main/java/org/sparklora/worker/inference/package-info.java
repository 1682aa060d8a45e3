/**
 * Prediction with a trained model. Open {@link org.sparklora.worker.inference.Scorer} first: a task gives it texts and
 * gets logits. {@link org.sparklora.worker.inference.TrainedModel} crosses JVMs; {@link
 * org.sparklora.worker.inference.MergedModel} computes.
 *
 * <p>Invariant: a merged model never changes, and the base model's own weights are never touched. Any number of adapters can
 * share one base, and any number of threads can use each.
 */
@NullMarked
package org.sparklora.worker.inference;

import org.jspecify.annotations.NullMarked;
