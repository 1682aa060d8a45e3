package org.sparklora.worker.data;

import java.io.Serializable;

/**
 * How much of what batches compute is padding.
 *
 * @param tokens of the rows
 * @param filled places that padding fills, up to each batch's own longest row
 */
public record Padding(long tokens, long filled) implements Serializable {

    /** Nothing computed. */
    public static final Padding NONE = new Padding(0, 0);

    /** Both together. */
    public Padding plus(Padding other) {
        return new Padding(tokens + other.tokens, filled + other.filled);
    }

    /** Part of all places that padding fills, in [0, 1). */
    public double share() {
        return filled == 0 ? 0 : (double) filled / (tokens + filled);
    }
}
