package org.sparklora.driver.cluster.data;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.IntStream;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.function.Function2;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.spark.JavaSerialized;
import scala.Tuple2;

/**
 * The order of a table's rows, by file and row, without a sort where a partition consists of few runs: rows of a file in ascending
 * order, usually a split. One pass counts the rows of each run. Then the driver knows the index of each run's first row. Spark
 * sorts a table whose runs are many, or overlap.
 */
public final class RowOrder implements Serializable {

    private static final long serialVersionUID = 1L;

    /** Rows of a partition of {@link #ordered}: enough for batches of texts with similar lengths, and at most so many times that. */
    private static final int BLOCK = 1024;

    private static final int MAX_BLOCKS = 64;
    /** Runs of a partition that the driver takes. Spark packs fewer splits into one. */
    private static final int MAX_RUNS = 1024;

    /** Rows that follow each other in a partition and in a file. */
    private record Run(Place first, Place last, long rows) implements Serializable {}

    /** The index of the first row of each run, by partition, in the order of the partition. */
    private final long[][] starts;
    /** All runs in the order of their rows. */
    private final transient List<Run> runs;

    private RowOrder(List<List<Run>> partitions, List<Run> runs) {
        this.runs = runs;
        Map<Run, Long> indices = new HashMap<>();
        long index = 0;
        for (Run run : runs) {
            indices.put(run, index);
            index += run.rows;
        }
        this.starts = partitions.stream()
                .map(of -> of.stream().mapToLong(indices::get).toArray())
                .toArray(long[][]::new);
    }

    /** Reads the places of all rows of a table. Returns empty if it must be sorted. */
    private static Optional<RowOrder> of(JavaRDD<Row> table) {
        List<List<Run>> partitions = JavaSerialized.collect(
                table.mapPartitions(rows -> List.of(runs(rows)).iterator()));
        List<Run> runs = partitions.stream()
                .flatMap(List::stream)
                .sorted(Comparator.comparing(Run::first))
                .toList();
        boolean sorted = partitions.stream().allMatch(of -> of.size() <= MAX_RUNS)
                && IntStream.range(1, runs.size())
                        .allMatch(i -> runs.get(i - 1).last.compareTo(runs.get(i).first) < 0);
        return sorted ? Optional.of(new RowOrder(partitions, runs)) : Optional.empty();
    }

    private static List<Run> runs(Iterator<Row> rows) {
        List<Run> runs = new ArrayList<>();
        while (rows.hasNext() && runs.size() <= MAX_RUNS) {
            Place place = InputRow.place(rows.next());
            Run last = runs.isEmpty() ? null : runs.get(runs.size() - 1);
            if (last != null && last.last.isFollowedBy(place)) {
                runs.set(runs.size() - 1, new Run(last.first, place, last.rows + 1));
            } else {
                runs.add(new Run(place, place, 1));
            }
        }
        return runs;
    }

    /** Returns the rows of a table that {@link SourceReader} or {@link DatasetRows} made, filtered or not, by index from 0. */
    static JavaPairRDD<Long, Row> index(Dataset<Row> table) {
        // One RDD for both passes: another plan of the table may have other partitions.
        JavaRDD<Row> rows = table.toJavaRDD();
        return of(rows).map(order -> order.index(rows))
                .orElseGet(() -> sorted(table).zipWithIndex().mapToPair(Tuple2::swap));
    }

    private static JavaRDD<Row> sorted(Dataset<Row> table) {
        return table.orderBy(SourceReader.FILE, SourceReader.ROW).toJavaRDD();
    }

    private JavaPairRDD<Long, Row> index(JavaRDD<Row> table) {
        Function2<Integer, Iterator<Row>, Iterator<Tuple2<Long, Row>>> indexed = (partition, rows) -> new Iterator<>() {

            private @Nullable Place last;
            private int run = -1;
            private long index;

            @Override
            public boolean hasNext() {
                return rows.hasNext();
            }

            @Override
            public Tuple2<Long, Row> next() {
                Row row = rows.next();
                Place place = InputRow.place(row);
                boolean follows = last != null && last.isFollowedBy(place);
                index = follows ? index + 1 : starts[partition][++run];
                last = place;
                return new Tuple2<>(index, row);
            }
        };
        return JavaPairRDD.fromJavaRDD(table.mapPartitionsWithIndex(indexed, true));
    }

    /**
     * Returns the rows of a table in order over all partitions. Rows are moved once and not sorted: a partition holds up to
     * {@value #MAX_BLOCKS} times {@value #BLOCK} consecutive rows of a run, which one task sends in order, or small runs with up to
     * {@value #BLOCK} rows together.
     */
    public static JavaRDD<Row> ordered(Dataset<Row> table) {
        JavaRDD<Row> rows = table.toJavaRDD();
        int tasks = 4 * table.sparkSession().sparkContext().defaultParallelism();
        return of(rows).map(order -> order.ordered(rows, tasks)).orElseGet(() -> sorted(table));
    }

    private JavaRDD<Row> ordered(JavaRDD<Row> table, int tasks) {
        long rows = runs.stream().mapToLong(Run::rows).sum();
        long size = BLOCK * Math.max(1, Math.min(MAX_BLOCKS, rows / tasks / BLOCK));
        List<Long> pieces = new ArrayList<>();
        long index = 0;
        long room = 0;
        for (Run run : runs) {
            if (run.rows <= room) {
                room -= run.rows;
            } else {
                for (long at = 0; at < run.rows; at += size) {
                    pieces.add(index + at);
                    room = BLOCK - (run.rows - at);
                }
            }
            index += run.rows;
        }
        long[] from = pieces.stream().mapToLong(Long::longValue).toArray();
        KeyPartitioner partitioner = new KeyPartitioner(from.length, row -> {
            int found = Arrays.binarySearch(from, (Long) row);
            return found < 0 ? -found - 2 : found;
        });
        return JavaSerialized.shuffle(index(table).partitionBy(partitioner))
                .mapPartitionsWithIndex((piece, sent) -> new InOrder(sent, from[piece]), true);
    }

    /** The rows of a partition. Several tasks' rows arrive in any order; those of one task never wait. */
    private static final class InOrder implements Iterator<Row> {

        private final Iterator<Tuple2<Long, Row>> rows;
        private final Map<Long, Row> waiting = new HashMap<>();
        private long index;

        InOrder(Iterator<Tuple2<Long, Row>> rows, long first) {
            this.rows = rows;
            this.index = first;
        }

        @Override
        public boolean hasNext() {
            return rows.hasNext() || !waiting.isEmpty();
        }

        @Override
        public Row next() {
            while (!waiting.containsKey(index)) {
                Tuple2<Long, Row> row = rows.next();
                waiting.put(row._1(), row._2());
            }
            return Objects.requireNonNull(waiting.remove(index++));
        }
    }
}
