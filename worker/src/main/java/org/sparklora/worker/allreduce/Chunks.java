package org.sparklora.worker.allreduce;

/**
 * Divides a gradient into chunks, so that one chunk can be added and passed on while the next one is sent. The division does not
 * change a sum, since values are added one by one.
 *
 * @param floats number of values of the gradient; may be 0
 */
record Chunks(int floats) {

    /** Values of a chunk, 256 KiB, measured with scripts/bench. Smaller chunks wake threads more often, larger ones overlap less. */
    static final int MAX_VALUES = 64 * 1024;

    /** Number of chunks. At least one, because the first chunk carries loss and counts. */
    int count() {
        return Math.max(1, (int) (((long) floats + MAX_VALUES - 1) / MAX_VALUES));
    }

    /** Index of the first value of a chunk. */
    int from(int chunk) {
        return chunk * MAX_VALUES;
    }

    /** Number of values of a chunk. */
    int size(int chunk) {
        return Math.min(MAX_VALUES, floats - from(chunk));
    }
}
