package org.sparklora.worker.allreduce;

/**
 * How a gradient is cut for the wire, so that a chunk can be added and passed on while the next one travels. Where it is
 * cut never changes a sum: values are added one by one.
 *
 * @param floats values of the gradient; may be 0
 */
record Chunks(int floats) {

    /** 256 KiB, measured with scripts/bench: smaller ones cost wake-ups, larger ones travel while nobody adds. */
    static final int LARGEST = 64 * 1024;

    /** At least one, because loss and counts travel with the first. */
    int count() {
        return Math.max(1, (int) (((long) floats + LARGEST - 1) / LARGEST));
    }

    /** First value of a chunk. */
    int from(int chunk) {
        return chunk * LARGEST;
    }

    /** Values of a chunk. */
    int size(int chunk) {
        return Math.min(LARGEST, floats - from(chunk));
    }
}
