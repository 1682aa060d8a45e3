package org.sparklora.driver.cluster.data;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.function.FilterFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.sparklora.worker.contract.KeyedRandom;

/**
 * Training rows split into training and validation rows by hash(seed, text, pair).
 *
 * <p>All rows with the same text are in the same part, whatever their labels, so that no text is both trained and validated
 * on. Of D distinct texts, the round(fraction · D) with the smallest hashes become validation texts, at least one and at most
 * D − 1. The split does not depend on the order and partitioning of the input.
 */
public record Split(Dataset<Row> training, Dataset<Row> validation) {

    /**
     * Splits a table made by {@link SourceReader} or {@link DatasetRows}.
     *
     * @param fraction share of the distinct texts to validate on, in (0, 1)
     */
    public static Split of(Dataset<Row> rows, double fraction, long seed) {
        if (!(fraction > 0 && fraction < 1)) {
            throw new IllegalArgumentException(
                    "data.validation.fraction " + fraction + " is not between 0 and 1, both excluded");
        }
        long seedKey = KeyedRandom.key(seed, "data/split");
        JavaRDD<Long> hashes =
                InputRow.of(rows).map(row -> hash(seedKey, row.content())).distinct();
        long distinct = hashes.count();
        long count = validationTexts(fraction, distinct);
        long last = hashes.sortBy(h -> h, true, hashes.getNumPartitions())
                .zipWithIndex()
                .filter(h -> h._2() == count - 1)
                .first()
                ._1();
        return new Split(
                rows.filter((FilterFunction<Row>) row -> hash(seedKey, InputRow.content(row)) > last),
                rows.filter((FilterFunction<Row>) row -> hash(seedKey, InputRow.content(row)) <= last));
    }

    /** The same for rows in memory: those to train on, and those to validate on. */
    static Map<Boolean, List<InputRow>> byTraining(List<InputRow> rows, double fraction, long seed) {
        long seedKey = KeyedRandom.key(seed, "data/split");
        long[] hashes = rows.stream()
                .mapToLong(row -> hash(seedKey, row.content()))
                .distinct()
                .sorted()
                .toArray();
        long last = hashes[(int) validationTexts(fraction, hashes.length) - 1];
        return rows.stream().collect(Collectors.partitioningBy(row -> hash(seedKey, row.content()) > last));
    }

    private static long validationTexts(double fraction, long distinct) {
        if (distinct < 2) {
            throw new DataException(
                    "data.rows.none",
                    "data.validation.fraction: the training data has " + distinct
                            + " distinct text(s), too few to set some aside; give a validation file");
        }
        return Math.min(distinct - 1, Math.max(1, Math.round(fraction * distinct)));
    }

    private static long hash(long seedKey, RowText content) {
        return ContentHash.ofTexts(content).key(seedKey);
    }
}
