package org.sparklora.driver.cluster.data;

import static org.apache.spark.sql.functions.col;

import java.io.Serializable;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.Sha256;
import org.sparklora.worker.spark.JavaSerialized;
import org.sparklora.worker.spark.Shared;
import scala.Tuple2;

/**
 * Labelled rows that each have a key, in the column {@link SourceReader#KEY}. Persist the tables before: each method reads them.
 *
 * @param validation validation rows of their own, if there are such
 */
public record KeyedTable(Dataset<Row> training, Optional<Dataset<Row>> validation) {

    /**
     * The rows of one key.
     *
     * @param training number of training rows, before a part of them is held out
     * @param validation number of validation rows of their own
     * @param sha256 digest of the content of all rows, which does not depend on their order
     */
    public record Count(long training, long validation, String sha256) {}

    /** A row of one of the two tables. */
    private record Labelled(InputRow row, boolean trains) implements Serializable {}

    /** Counts and sums of the hashes of rows, for each of the two tables. Sums of hashes do not depend on their order. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    private record Sums(long training, long validation, long[] hashes) implements Serializable {

        static Sums of(InputRow row, boolean trains) {
            long[] hashes = new long[8];
            ContentHash.of(row.content()).addTo(hashes, trains ? 0 : 4);
            return new Sums(trains ? 1 : 0, trains ? 0 : 1, hashes);
        }

        Sums plus(Sums other) {
            long[] both = hashes.clone();
            for (int i = 0; i < both.length; i++) {
                both[i] += other.hashes[i];
            }
            return new Sums(training + other.training, validation + other.validation, both);
        }

        Count count() {
            ByteBuffer bytes =
                    ByteBuffer.allocate(10 * Long.BYTES).putLong(training).putLong(validation);
            bytes.asLongBuffer().put(hashes);
            return new Count(training, validation, Sha256.hex(bytes.array()));
        }
    }

    /**
     * Refuses rows without key, text or label.
     *
     * @param column the key's column, for messages
     * @throws DataException for the first of them by file and row
     */
    public void requireComplete(String column) {
        requireComplete(training, column, "train on");
        validation.ifPresent(held -> requireComplete(held, column, "evaluate"));
    }

    private static void requireComplete(Dataset<Row> rows, String column, String purpose) {
        rows.where(col(SourceReader.KEY).isNull().or(col(SourceReader.KEY).equalTo("")))
                .orderBy(SourceReader.FILE, SourceReader.ROW)
                .limit(1)
                .collectAsList()
                .forEach(row -> {
                    throw new DataException(
                            "data.adapter.missing",
                            SourceTable.location(InputRow.of(row)) + ": the key in column '" + column
                                    + "' is missing or empty; fill it in or remove the row");
                });
        RowCoder.requireComplete(InputRow.of(rows), purpose);
    }

    /** Counts the training rows of each key, in one Spark job. Keys that have only validation rows are not there. */
    public SortedMap<String, Count> count(long maxKeys) {
        JavaPairRDD<String, Sums> sums = sums(training, true);
        if (validation.isPresent()) {
            sums = sums.union(sums(validation.get(), false));
        }
        JavaPairRDD<String, Sums> byKey = JavaSerialized.shuffle(sums.reduceByKey(Sums::plus))
                .filter(key -> key._2().training() > 0);
        SortedMap<String, Count> counts = new TreeMap<>();
        long keys = byKey.count();
        if (keys > maxKeys) {
            throw new TooManyKeysException(keys);
        }
        JavaSerialized.collect(byKey.map(key -> new Tuple2<>(key._1(), key._2())))
                .forEach(key -> counts.put(key._1(), key._2().count()));
        return counts;
    }

    /** There are more keys than a run may train. */
    public static final class TooManyKeysException extends RuntimeException {

        private static final long serialVersionUID = 1L;

        private final long keys;

        TooManyKeysException(long keys) {
            super(keys + " keys");
            this.keys = keys;
        }

        /** How many there are. */
        public long keys() {
            return keys;
        }
    }

    private static JavaPairRDD<String, Sums> sums(Dataset<Row> table, boolean trains) {
        return table.toJavaRDD()
                .mapToPair(row -> new Tuple2<>(row.<String>getAs(SourceReader.KEY), Sums.of(InputRow.of(row), trains)));
    }

    /** Returns the training rows of one key, as a table. */
    public static Dataset<Row> of(Dataset<Row> table, String key) {
        return table.where(col(SourceReader.KEY).equalTo(key));
    }

    /** Works on the rows of one key after the other. */
    public interface Work<R> extends Serializable {

        /** Takes the keys of a task, one at a time; the rows of a key are in memory until the next is asked for. */
        Iterator<R> call(Iterator<KeyRows> keys);
    }

    /**
     * Moves the rows of keys to tasks and works on them there, in one Spark job.
     *
     * @param tasks keys of each task, in the order in which they are worked on; rows of other keys are left out
     */
    public <R> List<R> work(List<List<String>> tasks, Work<R> work) {
        JavaSparkContext spark =
                JavaSparkContext.fromSparkContext(training.sparkSession().sparkContext());
        List<String> keys = tasks.stream().flatMap(List::stream).toList();
        HashMap<String, Integer> positions = new HashMap<>();
        keys.forEach(key -> positions.put(key, positions.size()));
        int[] taskOf = new int[keys.size()];
        int next = 0;
        for (int task = 0; task < tasks.size(); task++) {
            for (int i = 0; i < tasks.get(task).size(); i++) {
                taskOf[next++] = task;
            }
        }
        Shared<HashMap<String, Integer>> shared = Shared.of(spark, positions);
        JavaPairRDD<Integer, Labelled> rows = placed(training, true, shared);
        if (validation.isPresent()) {
            rows = rows.union(placed(validation.get(), false, shared));
        }
        KeyPartitioner partitioner = new KeyPartitioner(tasks.size(), position -> taskOf[(Integer) position]);
        Shared<ArrayList<String>> names = Shared.of(spark, new ArrayList<>(keys));
        try {
            return JavaSerialized.collect(JavaSerialized.shuffle(rows.repartitionAndSortWithinPartitions(partitioner))
                    .mapPartitions(sorted -> work.call(new ByKey(sorted, names.value()))));
        } finally {
            shared.destroy(false);
            names.destroy(false);
        }
    }

    private static JavaPairRDD<Integer, Labelled> placed(
            Dataset<Row> table, boolean trains, Shared<HashMap<String, Integer>> positions) {
        return table.toJavaRDD()
                .filter(row -> positions.value().containsKey(row.<String>getAs(SourceReader.KEY)))
                .mapToPair(row -> new Tuple2<>(
                        positions.value().get(row.<String>getAs(SourceReader.KEY)),
                        new Labelled(InputRow.of(row), trains)));
    }

    /** Groups rows that are sorted by the position of their key. */
    private static final class ByKey implements Iterator<KeyRows> {

        private final Iterator<Tuple2<Integer, Labelled>> rows;
        private final List<String> keys;
        private @Nullable Tuple2<Integer, Labelled> next;

        ByKey(Iterator<Tuple2<Integer, Labelled>> rows, List<String> keys) {
            this.rows = rows;
            this.keys = keys;
            this.next = rows.hasNext() ? rows.next() : null;
        }

        @Override
        public boolean hasNext() {
            return next != null;
        }

        @Override
        public KeyRows next() {
            Tuple2<Integer, Labelled> row = next;
            if (row == null) {
                throw new NoSuchElementException();
            }
            int position = row._1();
            List<InputRow> training = new ArrayList<>();
            List<InputRow> validation = new ArrayList<>();
            while (row != null && row._1() == position) {
                (row._2().trains() ? training : validation).add(row._2().row());
                row = rows.hasNext() ? rows.next() : null;
            }
            next = row;
            return new KeyRows(keys.get(position), training, validation);
        }
    }
}
