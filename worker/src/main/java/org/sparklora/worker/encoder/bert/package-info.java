/**
 * BERT (Devlin et al. 2018, arXiv:1810.04805) with Hugging Face's semantics and weight names: post-layer normalisation,
 * erf GELU, learnt absolute positions, a tanh pooler on the first token. Open {@link
 * org.sparklora.worker.encoder.bert.BertEncoder}; {@code GoldenParityTest} holds it to stored Hugging Face outputs.
 *
 * <p>Not DJL's {@code BertBlock}, which normalises by batch and pools the second token.
 */
@NullMarked
package org.sparklora.worker.encoder.bert;

import org.jspecify.annotations.NullMarked;
