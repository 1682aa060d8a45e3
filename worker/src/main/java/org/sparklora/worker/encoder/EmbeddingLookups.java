package org.sparklora.worker.encoder;

import java.util.Optional;

/**
 * The TorchScript expressions for an architecture's position and token type embeddings. They may use PLACES and TYPES for the
 * tables, {@code input_ids} and {@code token_type_ids} [B, S] int64, and {@code length} S.
 *
 * @param positions the vectors of positions, [S, H] or [B, S, H]
 * @param types the vectors of token types, [H] or [B, S, H], if the architecture has them
 * @param readsTokenTypes whether {@code types} uses {@code token_type_ids}
 */
public record EmbeddingLookups(String positions, Optional<String> types, boolean readsTokenTypes) {

    /** Positions from 0. */
    public static final String FROM_ZERO = "torch.slice(PLACES, 0, 0, length)";
}
