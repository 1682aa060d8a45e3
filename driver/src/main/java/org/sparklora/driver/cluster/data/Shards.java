package org.sparklora.driver.cluster.data;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.function.Function;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.Function2;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.sparklora.driver.cluster.data.RowCoder.Coded;
import org.sparklora.worker.contract.ShardPlan;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.data.TextStatistics;
import org.sparklora.worker.data.TextTokenizer;
import org.sparklora.worker.data.TokenizerSpec;
import org.sparklora.worker.spark.JavaSerialized;
import org.sparklora.worker.spark.Shared;
import org.sparklora.worker.spark.Stored;
import scala.Tuple2;

/**
 * Tokenized rows in S shards: partition i holds shard i, its rows in the order of their index, persisted by Spark.
 *
 * <p>The last step before is a shuffle, so that the stage that uses the shards has S tasks and no coalesced ancestors, as a
 * barrier stage requires.
 *
 * @param plan which rows of a shard belong to which step
 * @param statistics counts and lengths of all rows
 */
public record Shards(Stored<Shard> stored, ShardPlan plan, TextStatistics statistics) {

    /** Persists shards and counts their rows. */
    static Shards persisted(JavaRDD<Shard> shards, ShardPlan plan) {
        Stored<Shard> stored = Stored.of(shards).persist();
        TextStatistics statistics =
                JavaSerialized.fold(stored.rdd().map(TextStatistics::of), TextStatistics.EMPTY, TextStatistics::plus);
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

    /** The shards, one in each partition. */
    public JavaRDD<Shard> rdd() {
        return stored.rdd();
    }

    /** Builds shards of examples. */
    static JavaRDD<Shard> ofExamples(JavaPairRDD<Long, Coded> byRowIndex, KeyPartitioner partitioner) {
        Function2<Integer, Iterator<Tuple2<Long, Coded>>, Iterator<Shard>> build =
                (index, rows) -> shard(index, rows, Tuple2::_2);
        return JavaSerialized.shuffle(byRowIndex.repartitionAndSortWithinPartitions(partitioner))
                .mapPartitionsWithIndex(build, true);
    }

    /** Builds shards of rows, and encodes each row in its shard. The key of an example is its row index. */
    static JavaRDD<Shard> ofRows(
            JavaPairRDD<Long, RowText> byRowIndex, KeyPartitioner partitioner, RowCoder coder, Tokens tokens) {
        Function2<Integer, Iterator<Tuple2<Long, RowText>>, Iterator<Shard>> build = (index, rows) -> {
            try (TextTokenizer tokenizer = tokens.open()) {
                return shard(index, rows, row -> coder.encode(tokenizer, row._2(), row._1()));
            }
        };
        return JavaSerialized.shuffle(byRowIndex.repartitionAndSortWithinPartitions(partitioner))
                .mapPartitionsWithIndex(build, true);
    }

    private static <T> Iterator<Shard> shard(int index, Iterator<T> rows, Function<T, Coded> encode) {
        List<Example> examples = new ArrayList<>();
        int truncated = 0;
        while (rows.hasNext()) {
            Coded row = encode.apply(rows.next());
            examples.add(row.example());
            truncated += row.truncated() ? 1 : 0;
        }
        return List.of(new Shard(index, examples, truncated)).iterator();
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

        TextTokenizer open() {
            return TextTokenizer.open(spec.value(), maxLength);
        }
    }
}
