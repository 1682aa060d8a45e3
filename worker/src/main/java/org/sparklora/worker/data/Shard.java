package org.sparklora.worker.data;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.sparklora.worker.contract.ShardPlan;

/**
 * One of the S fixed parts of the data: its examples in key order, or in file order with order {@code given}.
 *
 * <p>Immutable and thread-safe. A shard is a list of {@link ShardBlock blocks}; an example is decoded each time it is read.
 */
public final class Shard implements Serializable {

    private static final long serialVersionUID = 1L;

    private static final int MAX_BATCH_ROWS = 32;

    /**
     * With BERT-base, the largest intermediate result then has 12.6 MB. Above 32 MB the C library requests fresh pages from the
     * system for each one, and a forward pass takes 1.4 times as long.
     */
    private static final int MAX_BATCH_TOKENS = 1024;

    private final int index;
    private final ShardBlock[] blocks;

    /** Number of rows before each block. */
    private final int[] before;

    private final int size;

    /**
     * Creates a shard.
     *
     * @param index index of the shard, from 0
     * @param blocks its rows; may be empty
     */
    public Shard(int index, List<ShardBlock> blocks) {
        if (index < 0) {
            throw new IllegalArgumentException("shard " + index + ": the index counts from 0");
        }
        this.index = index;
        this.blocks = blocks.toArray(new ShardBlock[0]);
        this.before = new int[this.blocks.length];
        int rows = 0;
        for (int b = 0; b < before.length; b++) {
            before[b] = rows;
            rows = Math.addExact(rows, this.blocks[b].size());
        }
        this.size = rows;
    }

    /** Packs a few rows on the heap. */
    public static Shard of(int index, List<Example> examples) {
        ShardBlock.Builder block = new ShardBlock.Builder(Integer.MAX_VALUE);
        examples.forEach(example -> block.add(example, false));
        return new Shard(index, List.of(block.build(HeapBytes::new)));
    }

    /** Index of the shard, from 0. */
    public int index() {
        return index;
    }

    /** Number of rows. */
    public int size() {
        return size;
    }

    /** The row at a position in the shard's own order. */
    public Example example(int position) {
        int block = block(position);
        return blocks[block].example(position - before[block]);
    }

    /** Number of tokens of the row at a position. */
    public int length(int position) {
        int block = block(position);
        return blocks[block].length(position - before[block]);
    }

    /** The key of the row at a position. */
    public long key(int position) {
        int block = block(position);
        return blocks[block].key(position - before[block]);
    }

    private int block(int position) {
        int found = Arrays.binarySearch(before, position);
        return found < 0 ? -found - 2 : found;
    }

    /** All rows in the shard's own order, decoded. */
    public List<Example> examples() {
        return IntStream.range(0, size).mapToObj(this::example).toList();
    }

    /** Number of rows that were cut to the maximum length. */
    public int truncated() {
        return Arrays.stream(blocks).mapToInt(ShardBlock::truncated).sum();
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
        long[] sorted = new long[size];
        Arrays.setAll(sorted, position -> ((long) length(position) << 32) | position);
        Arrays.sort(sorted);
        List<int[]> batches = new ArrayList<>();
        int from = 0;
        for (int to = 1; to <= sorted.length; to++) {
            boolean full = to == sorted.length
                    || to - from == MAX_BATCH_ROWS
                    || (to - from + 1) * (sorted[to] >>> 32) > MAX_BATCH_TOKENS;
            if (full) {
                batches.add(Arrays.stream(sorted, from, to)
                        .mapToInt(row -> (int) row)
                        .toArray());
                from = to;
            }
        }
        return batches;
    }

    /** Returns the rows at some positions. */
    public List<Example> examples(int[] positions) {
        List<Example> rows = new ArrayList<>(positions.length);
        for (int position : positions) {
            rows.add(example(position));
        }
        return rows;
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof Shard other
                && index == other.index
                && truncated() == other.truncated()
                && examples().equals(other.examples());
    }

    @Override
    public int hashCode() {
        return index * 31 + size;
    }

    @Override
    public String toString() {
        return "Shard[index=" + index + ", rows=" + size + ", truncated=" + truncated() + "]";
    }
}
