package org.sparklora.worker.encoder;

import java.util.Optional;

/**
 * What an architecture looks up for each token beside its word, in TorchScript: PLACES and TYPES stand for the tables, {@code
 * input_ids} and {@code token_type_ids} [B, S] int64 and {@code length} S are there.
 *
 * @param positions an expression for the vectors of positions, [S, H] or [B, S, H]
 * @param types an expression for the vectors of token types, [H] or [B, S, H]; empty where there are none
 * @param readsTokenTypes whether that takes {@code token_type_ids}
 */
public record EmbeddingLookups(String positions, Optional<String> types, boolean readsTokenTypes) {

    /** Positions from 0. */
    public static final String FROM_ZERO = "torch.slice(PLACES, 0, 0, length)";
}
