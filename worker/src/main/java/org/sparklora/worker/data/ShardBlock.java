package org.sparklora.worker.data;

import java.io.Serializable;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.function.LongFunction;

/**
 * Consecutive rows of a shard, packed. A block has a bounded size, so that Spark can store, move and spill a shard of any size
 * part by part. Keys and lengths of the rows are on the heap, 16 bytes a row; the rows are decoded when a step needs them.
 *
 * <p>Immutable and thread-safe. Token ids are variable-length integers.
 */
public final class ShardBlock implements Serializable {

    private static final long serialVersionUID = 1L;

    private final long[] keys;
    private final int[] lengths;

    /** Where the bytes of each row end. */
    private final int[] ends;

    private final StoredBytes bytes;
    private final int truncated;

    private ShardBlock(long[] keys, int[] lengths, int[] ends, StoredBytes bytes, int truncated) {
        this.keys = keys;
        this.lengths = lengths;
        this.ends = ends;
        this.bytes = bytes;
        this.truncated = truncated;
    }

    /** Number of rows. */
    int size() {
        return keys.length;
    }

    int truncated() {
        return truncated;
    }

    long key(int row) {
        return keys[row];
    }

    int length(int row) {
        return lengths[row];
    }

    Example example(int row) {
        int from = row == 0 ? 0 : ends[row - 1];
        ByteBuffer in = bytes.read(from, ends[row] - from);
        float[] labels = new float[readVarint(in)];
        for (int l = 0; l < labels.length; l++) {
            labels[l] = in.getFloat();
        }
        float weight = in.getFloat();
        int secondStart = readVarint(in);
        int[] ids = new int[lengths[row]];
        for (int t = 0; t < ids.length; t++) {
            ids[t] = readVarint(in);
        }
        return new Example(ids, secondStart, labels, weight, keys[row]);
    }

    private static int readVarint(ByteBuffer in) {
        int value = 0;
        for (int shift = 0; ; shift += 7) {
            int b = in.get();
            value |= (b & 0x7F) << shift;
            if (b >= 0) {
                return value;
            }
        }
    }

    /** Packs rows. Not thread-safe. */
    public static final class Builder {

        private static final int INDEX_BYTES = Long.BYTES + 2 * Integer.BYTES;

        private final int maxBytes;
        private long[] keys = new long[16];
        private int[] lengths = new int[16];
        private int[] ends = new int[16];
        private ByteBuffer packed = ByteBuffer.allocate(1024);
        private int rows;
        private int truncated;

        /**
         * Creates a builder.
         *
         * @param maxBytes size at which the block is full; only its last row may exceed it
         */
        public Builder(int maxBytes) {
            this.maxBytes = maxBytes;
        }

        /** Whether the next row belongs to another block. */
        public boolean isFull() {
            return packed.position() + (long) rows * INDEX_BYTES >= maxBytes;
        }

        /**
         * Adds a row.
         *
         * @param cut whether the row was cut to the maximum length
         */
        public void add(Example row, boolean cut) {
            if (rows == keys.length) {
                keys = Arrays.copyOf(keys, 2 * rows);
                lengths = Arrays.copyOf(lengths, 2 * rows);
                ends = Arrays.copyOf(ends, 2 * rows);
            }
            int largest = 4 + 5 * (2 + row.length()) + 4 * row.labels().length;
            if (packed.remaining() < largest) {
                int capacity = Math.addExact(packed.capacity(), Math.max(largest, packed.capacity()));
                packed = ByteBuffer.allocate(capacity).put(packed.flip());
            }
            putVarint(row.labels().length);
            for (float label : row.labels()) {
                packed.putFloat(label);
            }
            packed.putFloat(row.weight());
            putVarint(row.secondStart());
            for (int id : row.inputIds()) {
                putVarint(id);
            }
            keys[rows] = row.key();
            lengths[rows] = row.length();
            ends[rows] = packed.position();
            rows++;
            truncated += cut ? 1 : 0;
        }

        /** Seven bits a byte, low bits first. The top bit means that more bytes follow. */
        private void putVarint(int value) {
            int rest = value;
            while ((rest & ~0x7F) != 0) {
                packed.put((byte) ((rest & 0x7F) | 0x80));
                rest >>>= 7;
            }
            packed.put((byte) rest);
        }

        /**
         * Stores the rows.
         *
         * @param storage gives storage for a number of bytes
         */
        public ShardBlock build(LongFunction<StoredBytes> storage) {
            StoredBytes bytes = storage.apply(packed.position());
            bytes.write(0, packed.flip());
            return new ShardBlock(
                    Arrays.copyOf(keys, rows),
                    Arrays.copyOf(lengths, rows),
                    Arrays.copyOf(ends, rows),
                    bytes,
                    truncated);
        }
    }
}
