package org.sparklora.driver.cluster.data;

import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.function.FilterFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.sparklora.worker.contract.KeyedRandom;

/**
 * Training rows cut into training and validation by hash(seed, text, pair).
 *
 * <p>All rows of one text are on one side, whatever their labels, so nothing that is trained on is validated on. Of D
 * distinct texts, the fraction times D with the least hashes, rounded, are the validation's: never none and never all.
 * The same for any order and partitioning of the input.
 *
 * @param training the larger part
 * @param validation the part to validate on
 */
public record Split(Dataset<Row> training, Dataset<Row> validation) {

    /**
     * Splits rows that {@link SourceReader} read.
     *
     * @param fraction the validation's part of the distinct texts, in (0, 1)
     */
    public static Split of(Dataset<Row> rows, double fraction, long seed) {
        if (!(fraction > 0 && fraction < 1)) {
            throw new IllegalArgumentException(
                    "data.validation.fraction " + fraction + " is not between 0 and 1, both excluded");
        }
        long seedKey = KeyedRandom.key(seed, "data/split");
        JavaRDD<Long> hashes =
                InputRow.of(rows).map(row -> hash(seedKey, row.content)).distinct();
        long distinct = hashes.count();
        if (distinct < 2) {
            throw new DataException("data.validation.fraction: the training data has " + distinct
                    + " distinct text(s), too few to set some aside; give a validation file");
        }
        long count = Math.min(distinct - 1, Math.max(1, Math.round(fraction * distinct)));
        long last = hashes.sortBy(h -> h, true, hashes.getNumPartitions())
                .zipWithIndex()
                .filter(h -> h._2() == count - 1)
                .first()
                ._1();
        return new Split(
                rows.filter((FilterFunction<Row>) row -> hash(seedKey, InputRow.content(row)) > last),
                rows.filter((FilterFunction<Row>) row -> hash(seedKey, InputRow.content(row)) <= last));
    }

    private static long hash(long seedKey, RowText content) {
        return ContentHash.ofTexts(content).key(seedKey);
    }
}
