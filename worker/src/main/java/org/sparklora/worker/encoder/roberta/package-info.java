/**
 * RoBERTa (Liu et al. 2019, arXiv:1907.11692), XLM-RoBERTa (Conneau et al. 2019, arXiv:1911.02116) and CamemBERT (Martin et
 * al. 2019, arXiv:1911.03894) with Hugging Face's semantics and weight names. Open {@link
 * org.sparklora.worker.encoder.roberta.RobertaEncoder}; {@code GoldenEncodersTest} holds it to stored Hugging Face outputs.
 *
 * <p>Position ids skip padding and start above the padding token's id: a table of 514 rows has 512 positions.
 */
@NullMarked
package org.sparklora.worker.encoder.roberta;

import org.jspecify.annotations.NullMarked;
