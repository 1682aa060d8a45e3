package org.sparklora.driver.cluster.data;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.Function2;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.util.TaskCompletionListener;
import org.sparklora.driver.cluster.data.RowCoder.Coded;
import org.sparklora.worker.contract.ShardPlan;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.data.ShardBlock;
import org.sparklora.worker.data.TextStatistics;
import org.sparklora.worker.data.TextTokenizer;
import org.sparklora.worker.data.TokenizerSpec;
import org.sparklora.worker.spark.JavaSerialized;
import org.sparklora.worker.spark.LocalFile;
import org.sparklora.worker.spark.Shared;
import org.sparklora.worker.spark.Stored;
import scala.Tuple2;

/**
 * Tokenized rows in S shards: partition i holds the blocks of shard i, rows in the order of their index, persisted by Spark.
 *
 * <p>The last step before is a shuffle, so that the stage that uses the shards has S tasks and no coalesced ancestors, as a
 * barrier stage requires.
 *
 * @param plan which rows of a shard belong to which step
 * @param statistics counts and lengths of all rows
 */
public record Shards(Stored<ShardBlock> stored, ShardPlan plan, TextStatistics statistics) {

    /**
     * Size of a block. Spark stores, moves and spills block by block, and a file with a block's rows costs one descriptor.
     */
    private static final int BLOCK_BYTES = 16 << 20;

    /** Persists shards and counts their rows. */
    static Shards persisted(JavaRDD<ShardBlock> blocks, ShardPlan plan) {
        Stored<ShardBlock> stored = Stored.of(blocks).persist();
        TextStatistics statistics = JavaSerialized.fold(
                assembled(stored).map(TextStatistics::of), TextStatistics.EMPTY, TextStatistics::plus);
        return new Shards(stored, plan, statistics);
    }

    /**
     * Checks and tokenizes labelled rows for evaluation, and cuts them into consecutive slices in the order of file and row.
     * The key of an example is its row index, from 0, so results computed in any order can be put back in order.
     *
     * @throws DataException for the first row without text or label, or with an unknown label
     */
    public static Shards inOrder(Dataset<Row> rows, LabelCodec labels, Tokenization tokenization, int shards) {
        JavaSparkContext spark =
                JavaSparkContext.fromSparkContext(rows.sparkSession().sparkContext());
        Tokens tokens = new Tokens(spark, tokenization);
        RowCoder coder = new RowCoder(labels);
        // Slices have no steps, so the batch size does not matter.
        ShardPlan plan = new ShardPlan(shards, shards, coder.check(InputRow.of(rows), "evaluate"), true);
        return persisted(ofRows(InputRow.inOrder(rows), KeyPartitioner.slices(plan), coder, tokens), plan);
    }

    /** The keys of the rows of {@link #inOrder}, by row index: a map for each shard, without rows that have no key. */
    public static JavaRDD<Map<Long, String>> keys(Dataset<Row> rows, ShardPlan plan) {
        JavaPairRDD<Long, String> byIndex = RowOrder.index(rows)
                .filter(row -> row._2().getAs(SourceReader.KEY) != null)
                .mapValues(row -> row.<String>getAs(SourceReader.KEY));
        return JavaSerialized.shuffle(byIndex.partitionBy(KeyPartitioner.slices(plan)))
                .mapPartitions(shard -> {
                    Map<Long, String> keys = new HashMap<>();
                    shard.forEachRemaining(row -> keys.put(row._1(), row._2()));
                    return List.of(keys).iterator();
                });
    }

    /** The same for rows in memory: the coded rows in the order of file and row. */
    static List<Coded> inOrder(List<InputRow> rows, RowCoder coder, TextTokenizer tokenizer) {
        List<InputRow> sorted =
                rows.stream().sorted(Comparator.comparing(InputRow::place)).toList();
        return IntStream.range(0, sorted.size())
                .mapToObj(index -> coder.encode(tokenizer, sorted.get(index).content(), index))
                .toList();
    }

    /** Deals coded rows in memory to shards. */
    static List<Shard> dealt(List<Coded> rows, KeyPartitioner partitioner) {
        List<List<Coded>> shards = new ArrayList<>();
        for (int shard = 0; shard < partitioner.numPartitions(); shard++) {
            shards.add(new ArrayList<>());
        }
        for (int row = 0; row < rows.size(); row++) {
            shards.get(partitioner.getPartition((long) row)).add(rows.get(row));
        }
        return IntStream.range(0, shards.size())
                .mapToObj(shard -> {
                    List<ShardBlock> blocks = new ArrayList<>();
                    new Blocks<>(shards.get(shard).iterator(), row -> row, BLOCK_BYTES).forEachRemaining(blocks::add);
                    return new Shard(shard, blocks);
                })
                .toList();
    }

    /** The shards, one in each partition. */
    public JavaRDD<Shard> rdd() {
        return assembled(stored);
    }

    private static JavaRDD<Shard> assembled(Stored<ShardBlock> stored) {
        Function2<Integer, Iterator<ShardBlock>, Iterator<Shard>> assemble = (index, blocks) -> {
            List<ShardBlock> all = new ArrayList<>();
            blocks.forEachRemaining(all::add);
            return List.of(new Shard(index, all)).iterator();
        };
        return stored.rdd().mapPartitionsWithIndex(assemble, true);
    }

    /** Builds shards of examples. */
    static JavaRDD<ShardBlock> ofExamples(JavaPairRDD<Long, Coded> byRowIndex, KeyPartitioner partitioner) {
        return ofExamples(byRowIndex, partitioner, BLOCK_BYTES);
    }

    static JavaRDD<ShardBlock> ofExamples(
            JavaPairRDD<Long, Coded> byRowIndex, KeyPartitioner partitioner, int blockBytes) {
        return JavaSerialized.shuffle(byRowIndex.repartitionAndSortWithinPartitions(partitioner))
                .mapPartitions(rows -> new Blocks<>(rows, Tuple2::_2, blockBytes));
    }

    /** Builds shards of rows, and encodes each row in its shard. The key of an example is its row index. */
    static JavaRDD<ShardBlock> ofRows(
            JavaPairRDD<Long, RowText> byRowIndex, KeyPartitioner partitioner, RowCoder coder, Tokens tokens) {
        return JavaSerialized.shuffle(byRowIndex.repartitionAndSortWithinPartitions(partitioner))
                .mapPartitions(rows -> {
                    TextTokenizer tokenizer = tokens.openForTask();
                    return new Blocks<>(rows, row -> coder.encode(tokenizer, row._2(), row._1()), BLOCK_BYTES);
                });
    }

    /** Packs rows into blocks, one at a time. */
    private record Blocks<T>(Iterator<T> rows, Function<T, Coded> encode, int blockBytes)
            implements Iterator<ShardBlock> {

        @Override
        public boolean hasNext() {
            return rows.hasNext();
        }

        @Override
        public ShardBlock next() {
            ShardBlock.Builder block = new ShardBlock.Builder(blockBytes);
            while (rows.hasNext() && !block.isFull()) {
                Coded row = encode.apply(rows.next());
                block.add(row.example(), row.truncated());
            }
            return block.build(LocalFile::ofSize);
        }
    }

    /** Frees the storage, and returns when it is free. */
    public void unpersist() {
        stored.unpersist(true);
    }

    /** Opens the tokenizer on an executor. */
    static final class Tokens implements Serializable {

        private static final long serialVersionUID = 1L;

        private final Shared<TokenizerSpec> spec;
        private final int maxLength;

        Tokens(JavaSparkContext spark, Tokenization tokenization) {
            // Invalid settings fail here on the driver, not once in every task.
            TextTokenizer.open(tokenization.tokenizer(), tokenization.maxLength())
                    .close();
            this.spec = Shared.of(spark, tokenization.tokenizer());
            this.maxLength = tokenization.maxLength();
        }

        /** Opens it until the task ends, successfully or not. */
        TextTokenizer openForTask() {
            TextTokenizer tokenizer = TextTokenizer.open(spec.value(), maxLength);
            TaskCompletionListener close = context -> tokenizer.close();
            TaskContext.get().addTaskCompletionListener(close);
            return tokenizer;
        }
    }
}
