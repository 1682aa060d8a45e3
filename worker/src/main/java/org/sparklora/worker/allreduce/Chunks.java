package org.sparklora.worker.allreduce;

/**
 * Divides a gradient into chunks, so that ranks share the additions, and one chunk can be added while another one is sent. The
 * division does not change a sum, since values are added one by one.
 *
 * @param floats number of values of the gradient; may be 0
 * @param ranks number of ranks that share the chunks
 */
record Chunks(int floats, int ranks) {

    /** Values of a chunk, 256 KiB, measured with scripts/bench. Smaller chunks wake threads more often, larger ones overlap less. */
    static final int MAX_VALUES = 64 * 1024;

    /** A smaller chunk, 16 KiB, would cost more in system calls than its even division saves. */
    static final int MIN_VALUES = 4 * 1024;

    /**
     * Number of chunks. At least one, because the first chunk carries loss and counts. A multiple of the ranks, rounded up to a
     * power of two, so that each is the owner of as many; fewer where that would make chunks too small.
     */
    int count() {
        int even = Math.max(1, 2 * Integer.highestOneBit(ranks - 1));
        int rounds = (int) ((floats + (long) MAX_VALUES * even - 1) / ((long) MAX_VALUES * even));
        return Math.max(1, Math.min(rounds * even, floats / MIN_VALUES));
    }

    /** Index of the first value of a chunk; for the number of chunks that of values. */
    int from(int chunk) {
        return (int) ((long) floats * chunk / count());
    }

    /** Number of values of a chunk. */
    int size(int chunk) {
        return from(chunk + 1) - from(chunk);
    }

    /**
     * Bits that choose the owners of a chunk's nodes, by depth: those of the chunk's number, as many as all chunks need, over and
     * over. So few chunks, too, have other owners at every depth.
     */
    int turns(int chunk) {
        int bits = RankMap.depth(count());
        int turns = 0;
        for (int depth = 0; bits > 0 && depth < Integer.SIZE; depth += bits) {
            turns |= (chunk & ((1 << bits) - 1)) << depth;
        }
        return turns;
    }

    /** Number of values of the largest chunk. */
    int maxSize() {
        return (floats + count() - 1) / count();
    }
}
