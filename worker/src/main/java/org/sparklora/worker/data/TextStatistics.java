package org.sparklora.worker.data;

import java.io.Serializable;
import java.util.Map;
import java.util.TreeMap;

/**
 * Number of examples and their lengths in tokens, including special tokens.
 *
 * @param examples number of rows
 * @param truncated number of rows that were cut to the maximum length
 * @param lengths number of rows by length
 */
public record TextStatistics(long examples, long truncated, Map<Integer, Long> lengths) implements Serializable {

    public TextStatistics {
        lengths = Map.copyOf(lengths);
    }

    /** The statistics of no rows. */
    public static final TextStatistics EMPTY = new TextStatistics(0, 0, Map.of());

    /** Returns the statistics of one shard. */
    public static TextStatistics of(Shard shard) {
        TreeMap<Integer, Long> lengths = new TreeMap<>();
        for (int row = 0; row < shard.size(); row++) {
            lengths.merge(shard.length(row), 1L, Long::sum);
        }
        return new TextStatistics(shard.size(), shard.truncated(), lengths);
    }

    /** Adds the statistics of other rows. */
    public TextStatistics plus(TextStatistics other) {
        TreeMap<Integer, Long> sum = new TreeMap<>(lengths);
        other.lengths.forEach((length, rows) -> sum.merge(length, rows, Long::sum));
        return new TextStatistics(examples + other.examples, truncated + other.truncated, sum);
    }

    /** Number of all tokens. */
    public long tokens() {
        return lengths.entrySet().stream()
                .mapToLong(e -> e.getKey() * e.getValue())
                .sum();
    }

    /** Mean number of tokens of a row; 0 without rows. */
    public double meanLength() {
        return examples == 0 ? 0 : (double) tokens() / examples;
    }

    /** The smallest length that a given share of the rows, in (0, 1], does not exceed; 0 without rows. */
    public int length(double share) {
        long seen = 0;
        int length = 0;
        for (Map.Entry<Integer, Long> e : new TreeMap<>(lengths).entrySet()) {
            seen += e.getValue();
            length = e.getKey();
            if (seen >= share * examples) {
                break;
            }
        }
        return length;
    }

    /** Number of tokens of the longest row. */
    public int longest() {
        return length(1);
    }
}
