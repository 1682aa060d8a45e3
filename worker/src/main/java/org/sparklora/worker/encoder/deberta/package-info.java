/**
 * DeBERTa-v2 and DeBERTa-v3 (He et al. 2020, arXiv:2006.03654; 2021, arXiv:2111.09543) with Hugging Face's semantics and weight
 * names. Open {@link org.sparklora.worker.encoder.deberta.DebertaEncoder}; {@code GoldenEncodersTest} holds it to stored Hugging
 * Face outputs.
 *
 * <p>A layer is BERT's with another attention: its scores also depend on the distance between two tokens. Distances share rows of
 * one table, {@code rel_embeddings}, and each layer projects those rows with its own queries and keys, LoRA included.
 */
@NullMarked
package org.sparklora.worker.encoder.deberta;

import org.jspecify.annotations.NullMarked;
