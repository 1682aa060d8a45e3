package org.sparklora.driver.cluster.data;

import java.util.Iterator;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.PairFlatMapFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.storage.StorageLevel;
import org.apache.spark.util.TaskCompletionListener;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.KeyedRandom;
import org.sparklora.worker.contract.ShardPlan;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.data.TextStatistics;
import org.sparklora.worker.data.TextTokenizer;
import scala.Tuple2;

/**
 * Training rows, tokenised and dealt to S shards: partition i holds shard i, kept in Spark's storage.
 *
 * <p>Shuffled: rows are keyed by hash(seed, content, occurrence), sorted, and dealt round-robin. Rows that say the same
 * are the same example, so it does not matter which of them is which occurrence, and the shards are the same whatever
 * the order, files and partitions of the input. Given: by file and row, dealt as the plan says.
 */
public final class TrainingData {

    private final JavaRDD<Shard> shards;
    private final ShardPlan plan;
    private final TextStatistics statistics;

    private TrainingData(JavaRDD<Shard> shards, ShardPlan plan) {
        this.shards = shards.persist(StorageLevel.MEMORY_AND_DISK());
        this.plan = plan;
        this.statistics = this.shards.map(TextStatistics::of).fold(TextStatistics.EMPTY, TextStatistics::plus);
    }

    /**
     * Checks, tokenises and deals the rows that {@link SourceReader} read. Uses them in several passes.
     *
     * @throws DataException for the first row, by file and row, that cannot be used
     */
    public static TrainingData prepare(
            Dataset<Row> rows, LabelCodec labels, Tokenization tokenization, ShardLayout layout) {
        JavaSparkContext spark =
                JavaSparkContext.fromSparkContext(rows.sparkSession().sparkContext());
        Shards.Tokens tokens = new Shards.Tokens(spark, tokenization);
        RowCoder coder = new RowCoder(labels);
        JavaRDD<InputRow> input = InputRow.of(rows);
        long count = coder.checkTraining(input);
        ShardPlan plan = layout.plan(count);
        if (layout.given()) {
            JavaPairRDD<Long, RowText> ranked = InputRow.inOrder(rows);
            return new TrainingData(Shards.encode(ranked, RowPartitioner.training(plan), coder, tokens), plan);
        }
        int partitions = Math.max(layout.shards(), Math.max(spark.defaultParallelism(), input.getNumPartitions()));
        JavaPairRDD<Long, CodedExample> ranked = input.mapToPair(
                        row -> new Tuple2<>(ContentHash.of(row.content), row.content))
                .repartitionAndSortWithinPartitions(new HashRangePartitioner(partitions))
                .mapPartitionsToPair(keyed(layout.seed(), coder, tokens))
                .repartitionAndSortWithinPartitions(new HashRangePartitioner(partitions))
                .values()
                .zipWithIndex()
                .mapToPair(Tuple2::swap);
        return new TrainingData(Shards.deal(ranked, RowPartitioner.training(plan)), plan);
    }

    /** Numbers rows that say the same, which are neighbours here, and encodes each. */
    private static PairFlatMapFunction<Iterator<Tuple2<ContentHash, RowText>>, RowKey, CodedExample> keyed(
            long seed, RowCoder coder, Shards.Tokens tokens) {
        long seedKey = KeyedRandom.key(seed, "data/row");
        return rows -> {
            TextTokenizer tokenizer = tokens.open();
            // A task that fails half-way leaves its tokenizer too.
            TaskCompletionListener close = context -> tokenizer.close();
            TaskContext.get().addTaskCompletionListener(close);
            return new KeyedRows(rows, seedKey, coder, tokenizer);
        };
    }

    /** The shards; persisted. */
    public JavaRDD<Shard> shards() {
        return shards;
    }

    /** Which rows of a shard belong to which step. */
    public ShardPlan plan() {
        return plan;
    }

    /** Counts and lengths. */
    public TextStatistics statistics() {
        return statistics;
    }

    /** Frees the storage, and returns when it is free. */
    public void unpersist() {
        shards.unpersist(true);
    }

    /** Rows sorted by content in, rows with their keys out. */
    private static final class KeyedRows implements Iterator<Tuple2<RowKey, CodedExample>> {

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
        public Tuple2<RowKey, CodedExample> next() {
            Tuple2<ContentHash, RowText> row = rows.next();
            occurrence = last != null && row._1().equals(last) ? occurrence + 1 : 0;
            last = row._1();
            RowKey key = new RowKey(seedKey, row._1(), occurrence);
            return new Tuple2<>(key, coder.encode(tokenizer, row._2(), key.key));
        }
    }
}
