package org.sparklora.worker.lora;

import java.util.OptionalInt;

/**
 * Finds the leading singular vectors of a weight. The driver has an implementation on LAPACK; executors decompose nothing.
 *
 * <p>Implementations are pure functions with the same bits on every JVM, safe from any thread.
 */
@FunctionalInterface
public interface Svd {

    /**
     * Decomposes W [rows, columns], row-major, into U diag(S) Vᵀ and takes the first {@code rank} parts.
     *
     * @param iterations of a randomized decomposition; empty for an exact one
     * @param key of the random numbers of a randomized decomposition
     */
    Part leading(float[] weight, int rows, int columns, int rank, OptionalInt iterations, long key);

    /**
     * The leading part of a decomposition: the sum over k of left[k] · value[k] · right[k]ᵀ.
     *
     * @param values singular values in descending order, at least 0
     * @param left [rank, rows]: the columns of U; zero where the singular value is
     * @param right [rank, columns]: the columns of V
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Part(double[] values, double[][] left, double[][] right) {}
}
