package org.sparklora.driver.cluster;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.function.Function2;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.cluster.data.KeyPartitioner;
import org.sparklora.worker.spark.JavaSerialized;
import scala.Tuple2;

/**
 * Exact ranks of any number of rows, by a distributed sort. Rows with equal numbers are in one partition and share the mean of
 * their ranks. Ranks are integers, times two, so sums of them do not depend on where the partitions begin.
 */
final class Ranks {

    private static final int ROWS_IN_PARTITION = 200_000;
    private static final int SAMPLES_IN_PARTITION = 30;

    private Ranks() {}

    /** Sorts few rows by their numbers; gives each with twice its rank, from 1. */
    static <T> Iterator<Tuple2<Long, T>> twice(List<Tuple2<Double, T>> rows) {
        return new Ranked<>(
                rows.stream().sorted(Comparator.comparingDouble(Tuple2::_1)).iterator(), 0);
    }

    /**
     * Sorts rows by their numbers.
     *
     * @param rows each with its number
     * @param count number of rows
     * @return each row with twice its rank, from 1
     */
    static <T> JavaRDD<Tuple2<Long, T>> twice(JavaPairRDD<Double, T> rows, long count) {
        return twice(rows, count, Math.toIntExact(1 + count / ROWS_IN_PARTITION));
    }

    static <T> JavaRDD<Tuple2<Long, T>> twice(JavaPairRDD<Double, T> rows, long count, int partitions) {
        double[] bounds = partitions == 1 ? new double[0] : bounds(rows.keys(), count, partitions);
        JavaPairRDD<Double, T> sorted = JavaSerialized.shuffle(rows.repartitionAndSortWithinPartitions(
                new KeyPartitioner(bounds.length + 1, number -> partition(bounds, (Double) number))));
        long[] before = new long[bounds.length + 1];
        if (bounds.length > 0) {
            List<Long> sizes = JavaSerialized.collect(
                    sorted.mapPartitions(part -> List.of(size(part)).iterator()));
            for (int i = 1; i < before.length; i++) {
                before[i] = before[i - 1] + sizes.get(i - 1);
            }
        }
        Function2<Integer, Iterator<Tuple2<Double, T>>, Iterator<Tuple2<Long, T>>> rank =
                (index, part) -> new Ranked<>(part, before[index]);
        return sorted.mapPartitionsWithIndex(rank, true);
    }

    /** Numbers that divide the rows into parts of about the same size, by a sample. Only speed depends on them. */
    private static double[] bounds(JavaRDD<Double> numbers, long count, int partitions) {
        double share = Math.min(1, (double) partitions * SAMPLES_IN_PARTITION / count);
        double[] sample = JavaSerialized.collect(numbers.sample(false, share, 0)).stream()
                .mapToDouble(Double::doubleValue)
                .sorted()
                .toArray();
        double[] bounds = new double[sample.length == 0 ? 0 : partitions - 1];
        for (int i = 0; i < bounds.length; i++) {
            bounds[i] = sample[(int) ((long) (i + 1) * sample.length / partitions)];
        }
        return bounds;
    }

    /** Equal numbers get the same partition, and larger ones no earlier one, also where bounds are equal. */
    private static int partition(double[] bounds, double number) {
        int found = Arrays.binarySearch(bounds, number);
        return found < 0 ? -found - 1 : found;
    }

    private static long size(Iterator<?> rows) {
        long size = 0;
        for (; rows.hasNext(); rows.next()) {
            size++;
        }
        return size;
    }

    /** The rows of a sorted partition with their ranks. Holds rows with equal numbers only. */
    private static final class Ranked<T> implements Iterator<Tuple2<Long, T>> {

        private final Iterator<Tuple2<Double, T>> rows;
        private final ArrayDeque<T> equal = new ArrayDeque<>();
        private @Nullable Tuple2<Double, T> next;
        private long before;
        private long twice;

        Ranked(Iterator<Tuple2<Double, T>> rows, long before) {
            this.rows = rows;
            this.before = before;
            this.next = rows.hasNext() ? rows.next() : null;
        }

        @Override
        public boolean hasNext() {
            return !equal.isEmpty() || next != null;
        }

        @Override
        public Tuple2<Long, T> next() {
            if (equal.isEmpty()) {
                readEqual();
            }
            return new Tuple2<>(twice, equal.remove());
        }

        private void readEqual() {
            Tuple2<Double, T> row = next;
            if (row == null) {
                throw new NoSuchElementException();
            }
            Double number = row._1();
            while (row != null && row._1().equals(number)) {
                equal.add(row._2());
                row = rows.hasNext() ? rows.next() : null;
            }
            next = row;
            twice = 2 * before + equal.size() + 1;
            before += equal.size();
        }
    }
}
