package org.sparklora.driver.cluster.data;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.PairFlatMapFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.cluster.data.RowCoder.Coded;
import org.sparklora.worker.contract.KeyedRandom;
import org.sparklora.worker.contract.ShardPlan;
import org.sparklora.worker.data.TextTokenizer;
import org.sparklora.worker.spark.JavaSerialized;
import scala.Tuple2;

/**
 * Tokenizes training rows and divides them into shards.
 *
 * <p>Order {@code shuffled}: rows are keyed by hash(seed, content, occurrence), sorted, and assigned to shards round-robin.
 * Rows with equal content are interchangeable, so the shards do not depend on the order, files or partitions of the input.
 * Order {@code given}: rows are sorted by file and row, and assigned as the {@link ShardPlan} says.
 */
public final class TrainingData {

    private TrainingData() {}

    /**
     * Checks and tokenizes rows and divides them into shards. Reads the rows several times, so persist them before.
     *
     * @param rows a table made by {@link SourceReader} or {@link DatasetRows}
     * @throws DataException for the first row, by file and row, that cannot be used
     */
    public static Shards prepare(Dataset<Row> rows, LabelCodec labels, Tokenization tokenization, ShardLayout layout) {
        JavaSparkContext spark =
                JavaSparkContext.fromSparkContext(rows.sparkSession().sparkContext());
        Shards.Tokens tokens = new Shards.Tokens(spark, tokenization);
        RowCoder coder = new RowCoder(labels);
        JavaRDD<InputRow> input = InputRow.of(rows);
        ShardPlan plan = layout.plan(coder.check(input, "train on"));
        KeyPartitioner partitioner = KeyPartitioner.training(plan);
        if (layout.given()) {
            return Shards.persisted(Shards.ofRows(InputRow.inOrder(rows), partitioner, coder, tokens), plan);
        }
        int partitions = Math.max(layout.shards(), Math.max(spark.defaultParallelism(), input.getNumPartitions()));
        JavaPairRDD<ContentHash, RowText> byContent = JavaSerialized.shuffle(
                input.mapToPair(row -> new Tuple2<>(ContentHash.of(row.content()), row.content()))
                        .repartitionAndSortWithinPartitions(KeyPartitioner.hashRanges(partitions)));
        JavaPairRDD<Long, Coded> byRowIndex = JavaSerialized.shuffle(byContent
                        .mapPartitionsToPair(keyed(layout.seed(), coder, tokens))
                        .repartitionAndSortWithinPartitions(KeyPartitioner.hashRanges(partitions)))
                .values()
                .zipWithIndex()
                .mapToPair(Tuple2::swap);
        return Shards.persisted(Shards.ofExamples(byRowIndex, partitioner), plan);
    }

    /** Numbers rows with equal content, which are neighbours here, and encodes each row. */
    private static PairFlatMapFunction<Iterator<Tuple2<ContentHash, RowText>>, RowKey, Coded> keyed(
            long seed, RowCoder coder, Shards.Tokens tokens) {
        long seedKey = seedKey(seed);
        return rows -> new KeyedRows(rows, seedKey, coder, tokens.openForTask());
    }

    /** The same as {@link #prepare} for rows in memory: the coded rows of all shards, by row index. */
    static List<Coded> inOrder(List<InputRow> rows, RowCoder coder, TextTokenizer tokenizer, ShardLayout layout) {
        if (layout.given()) {
            return Shards.inOrder(rows, coder, tokenizer);
        }
        List<Tuple2<ContentHash, RowText>> byContent = rows.stream()
                .map(row -> new Tuple2<>(ContentHash.of(row.content()), row.content()))
                .sorted(Comparator.comparing(Tuple2::_1))
                .toList();
        List<Tuple2<RowKey, Coded>> keyed = new ArrayList<>();
        new KeyedRows(byContent.iterator(), seedKey(layout.seed()), coder, tokenizer).forEachRemaining(keyed::add);
        keyed.sort(Comparator.comparing(Tuple2::_1));
        return keyed.stream().map(Tuple2::_2).toList();
    }

    private static long seedKey(long seed) {
        return KeyedRandom.key(seed, "data/row");
    }

    /** Turns rows sorted by content into examples with their keys. */
    static final class KeyedRows implements Iterator<Tuple2<RowKey, Coded>> {

        private final Iterator<Tuple2<ContentHash, RowText>> rows;
        private final long seedKey;
        private final RowCoder coder;
        private final TextTokenizer tokenizer;
        private @Nullable ContentHash last;
        private long occurrence;

        KeyedRows(Iterator<Tuple2<ContentHash, RowText>> rows, long seedKey, RowCoder coder, TextTokenizer tokenizer) {
            this.rows = rows;
            this.seedKey = seedKey;
            this.coder = coder;
            this.tokenizer = tokenizer;
        }

        @Override
        public boolean hasNext() {
            return rows.hasNext();
        }

        @Override
        public Tuple2<RowKey, Coded> next() {
            Tuple2<ContentHash, RowText> row = rows.next();
            occurrence = last != null && row._1().equals(last) ? occurrence + 1 : 0;
            last = row._1();
            RowKey key = new RowKey(seedKey, row._1(), occurrence);
            return new Tuple2<>(key, coder.encode(tokenizer, row._2(), key.key));
        }
    }
}
