/**
 * What a finished training predicts with. Open {@link org.sparklora.worker.inference.TextScorer} first, which a task uses;
 * it takes texts and gives logits. {@link org.sparklora.worker.inference.TrainedModel} is what crosses JVMs, {@link
 * org.sparklora.worker.inference.MergedModel} what computes.
 *
 * <p>Invariant: what is merged never changes, and the base model's own weights are not touched, so any number of adapters
 * stand side by side on one base and any number of threads use each.
 */
@NullMarked
package org.sparklora.worker.inference;

import org.jspecify.annotations.NullMarked;
