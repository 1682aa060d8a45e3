package org.sparklora.worker.data;

import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.sparklora.worker.contract.ShardPlan;

/**
 * One of the S fixed parts of the data: its examples in key order, or in file order with order {@code given}.
 *
 * <p>Immutable. Java serialization writes plain values, with token ids as variable-length integers. Otherwise it would write
 * thousands of objects with a handle each.
 */
public final class Shard implements Serializable {

    private static final long serialVersionUID = 1L;

    private static final int MAX_BATCH_ROWS = 32;

    /**
     * With BERT-base, the largest intermediate result then has 12.6 MB. Above 32 MB the C library requests fresh pages from the
     * system for each one, and a forward pass takes 1.4 times as long.
     */
    private static final int MAX_BATCH_TOKENS = 1024;

    // Changed by readObject only.
    private int index;
    private Example[] examples;
    private int truncated;

    /**
     * Creates a shard.
     *
     * @param index index of the shard, from 0
     * @param examples its rows; may be empty
     * @param truncated number of rows that were cut to the maximum length
     */
    public Shard(int index, List<Example> examples, int truncated) {
        this(index, examples.toArray(new Example[0]), truncated);
    }

    private Shard(int index, Example[] examples, int truncated) {
        if (index < 0 || truncated < 0 || truncated > examples.length) {
            throw new IllegalArgumentException("shard " + index + ": " + truncated + " truncated rows of "
                    + examples.length + "; the index counts from 0 and truncated rows are among the rows");
        }
        this.index = index;
        this.examples = examples;
        this.truncated = truncated;
    }

    /** Index of the shard, from 0. */
    public int index() {
        return index;
    }

    /** Number of rows. */
    public int size() {
        return examples.length;
    }

    /** The row at a position in the shard's own order. */
    public Example example(int position) {
        return examples[position];
    }

    /** All rows in the shard's own order, unmodifiable. */
    public List<Example> examples() {
        return Collections.unmodifiableList(Arrays.asList(examples));
    }

    /** Number of rows that were cut to the maximum length. */
    public int truncated() {
        return truncated;
    }

    /** Returns the rows of each step of an epoch. */
    public EpochRows epoch(ShardOrder order, ShardPlan plan, int epoch) {
        return new EpochRows(this, plan, order.positions(this, plan, epoch));
    }

    /**
     * Returns the positions of all rows in batches for a forward pass: rows of similar length together, ties by position, at
     * most {@value #MAX_BATCH_ROWS} rows and, with padding, {@value #MAX_BATCH_TOKENS} tokens. Batches depend on the shard alone,
     * so a repeated pass rounds in the same way.
     */
    public List<int[]> batchesByLength() {
        int[] sorted = IntStream.range(0, examples.length)
                .boxed()
                .sorted(Comparator.comparingInt(position -> examples[position].length()))
                .mapToInt(Integer::intValue)
                .toArray();
        List<int[]> batches = new ArrayList<>();
        int from = 0;
        for (int to = 1; to <= sorted.length; to++) {
            boolean full = to == sorted.length
                    || to - from == MAX_BATCH_ROWS
                    || (to - from + 1) * examples[sorted[to]].length() > MAX_BATCH_TOKENS;
            if (full) {
                batches.add(Arrays.copyOfRange(sorted, from, to));
                from = to;
            }
        }
        return batches;
    }

    /** Returns the rows at some positions. */
    public List<Example> examples(int[] positions) {
        List<Example> rows = new ArrayList<>(positions.length);
        for (int position : positions) {
            rows.add(examples[position]);
        }
        return rows;
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof Shard other
                && index == other.index
                && truncated == other.truncated
                && Arrays.equals(examples, other.examples);
    }

    @Override
    public int hashCode() {
        return index * 31 + Arrays.hashCode(examples);
    }

    @Override
    public String toString() {
        return "Shard[index=" + index + ", rows=" + examples.length + ", truncated=" + truncated + "]";
    }

    private void writeObject(ObjectOutputStream out) throws IOException {
        out.writeInt(index);
        out.writeInt(truncated);
        out.writeInt(examples.length);
        for (Example e : examples) {
            out.writeLong(e.key());
            writeVarint(out, e.labels().length);
            for (float label : e.labels()) {
                out.writeFloat(label);
            }
            out.writeFloat(e.weight());
            writeVarint(out, e.secondStart());
            writeVarint(out, e.length());
            for (int id : e.inputIds()) {
                writeVarint(out, id);
            }
        }
    }

    private void readObject(ObjectInputStream in) throws IOException {
        index = in.readInt();
        truncated = in.readInt();
        examples = new Example[in.readInt()];
        for (int i = 0; i < examples.length; i++) {
            long key = in.readLong();
            float[] labels = new float[readVarint(in)];
            for (int l = 0; l < labels.length; l++) {
                labels[l] = in.readFloat();
            }
            float weight = in.readFloat();
            int secondStart = readVarint(in);
            int[] ids = new int[readVarint(in)];
            for (int t = 0; t < ids.length; t++) {
                ids[t] = readVarint(in);
            }
            examples[i] = new Example(ids, secondStart, labels, weight, key);
        }
    }

    /** Writes seven bits a byte, low bits first. The top bit means that more bytes follow. */
    private static void writeVarint(ObjectOutputStream out, int value) throws IOException {
        int rest = value;
        while ((rest & ~0x7F) != 0) {
            out.writeByte((rest & 0x7F) | 0x80);
            rest >>>= 7;
        }
        out.writeByte(rest);
    }

    private static int readVarint(ObjectInputStream in) throws IOException {
        int value = 0;
        for (int shift = 0; ; shift += 7) {
            int b = in.readUnsignedByte();
            value |= (b & 0x7F) << shift;
            if (b < 0x80) {
                return value;
            }
        }
    }
}
