package org.sparklora.driver.data;

import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.api.java.JavaRDD;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.data.Shard;
import scala.Tuple2;

/**
 * How many examples there are, and how long they are in tokens, special tokens included.
 *
 * @param examples rows
 * @param truncated rows that lost tokens to the maximum length
 * @param lengths rows by length
 */
public record TextStatistics(long examples, long truncated, Map<Integer, Long> lengths) {

    public TextStatistics {
        lengths = Map.copyOf(lengths);
    }

    static TextStatistics of(JavaRDD<Shard> shards) {
        long truncated = 0;
        TreeMap<Integer, Long> lengths = new TreeMap<>();
        for (Tuple2<Integer, TreeMap<Integer, Long>> part :
                shards.map(s -> new Tuple2<>(s.truncated(), lengths(s))).collect()) {
            truncated += part._1();
            part._2().forEach((length, rows) -> lengths.merge(length, rows, Long::sum));
        }
        long examples = lengths.values().stream().mapToLong(Long::longValue).sum();
        return new TextStatistics(examples, truncated, lengths);
    }

    private static TreeMap<Integer, Long> lengths(Shard shard) {
        TreeMap<Integer, Long> lengths = new TreeMap<>();
        for (Example e : shard.examples()) {
            lengths.merge(e.length(), 1L, Long::sum);
        }
        return lengths;
    }

    /** All tokens. */
    public long tokens() {
        return lengths.entrySet().stream()
                .mapToLong(e -> e.getKey() * e.getValue())
                .sum();
    }

    /** Tokens of a row on average; 0 without rows. */
    public double meanLength() {
        return examples == 0 ? 0 : (double) tokens() / examples;
    }

    /** The least length that a given part of the rows, in (0, 1], does not exceed; 0 without rows. */
    public int length(double part) {
        long seen = 0;
        int length = 0;
        for (Map.Entry<Integer, Long> e : new TreeMap<>(lengths).entrySet()) {
            seen += e.getValue();
            length = e.getKey();
            if (seen >= part * examples) {
                break;
            }
        }
        return length;
    }

    /** Tokens of the longest row. */
    public int longest() {
        return length(1);
    }
}
