package org.sparklora.worker.contract;

import java.io.Serializable;

/**
 * The share of padding in batches.
 *
 * @param tokens number of tokens of the rows
 * @param filled number of padding tokens, up to the longest row of each batch
 */
public record Padding(long tokens, long filled) implements Serializable {

    /** The padding of no batches. */
    public static final Padding NONE = new Padding(0, 0);

    /** Adds the padding of other batches. */
    public Padding plus(Padding other) {
        return new Padding(tokens + other.tokens, filled + other.filled);
    }

    /** Share of padding in all tokens, in [0, 1). */
    public double share() {
        return filled == 0 ? 0 : (double) filled / (tokens + filled);
    }
}
