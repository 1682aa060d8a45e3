/**
 * DistilBERT (Sanh et al. 2019, arXiv:1910.01108) with Hugging Face's semantics and weight names. Open {@link
 * org.sparklora.worker.encoder.distilbert.DistilBertEncoder}; {@code GoldenEncodersTest} holds it to stored Hugging Face
 * outputs.
 *
 * <p>Its config.json has keys of its own: dim, n_layers, n_heads, hidden_dim.
 */
@NullMarked
package org.sparklora.worker.encoder.distilbert;

import org.jspecify.annotations.NullMarked;
