package org.sparklora.driver.cluster.data;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.TreeMap;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.Function2;
import org.apache.spark.broadcast.Broadcast;
import org.sparklora.driver.cluster.data.RowCoder.Coded;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.data.TextStatistics;
import org.sparklora.worker.data.TextTokenizer;
import org.sparklora.worker.data.TokenizerSpec;
import scala.Tuple2;

/**
 * Moves rows to their shards by row index. Partition i holds shard i, its rows in the order of their index.
 *
 * <p>The last step is a shuffle, so that the stage that uses the shards has S tasks and no coalesced ancestors, as a barrier
 * stage requires.
 */
final class Shards {

    private Shards() {}

    /** Counts rows and lengths. Tasks return pairs, because Kryo, which a session may use, cannot read records. */
    static TextStatistics statistics(JavaRDD<Shard> shards) {
        TextStatistics sum = TextStatistics.EMPTY;
        for (Tuple2<Long, TreeMap<Integer, Long>> part : shards.map(TextStatistics::of)
                .map(of -> new Tuple2<>(of.truncated(), new TreeMap<>(of.lengths())))
                .collect()) {
            long rows = part._2().values().stream().mapToLong(Long::longValue).sum();
            sum = sum.plus(new TextStatistics(rows, part._1(), part._2()));
        }
        return sum;
    }

    /** Builds shards of examples. */
    static JavaRDD<Shard> ofExamples(JavaPairRDD<Long, Coded> byRowIndex, RowPartitioner partitioner) {
        Function2<Integer, Iterator<Tuple2<Long, Coded>>, Iterator<Shard>> build = (index, rows) -> {
            Builder shard = new Builder();
            while (rows.hasNext()) {
                shard.add(rows.next()._2());
            }
            return shard.build(index);
        };
        return byRowIndex.repartitionAndSortWithinPartitions(partitioner).mapPartitionsWithIndex(build, true);
    }

    /** Builds shards of rows, and encodes each row in its shard. The key of an example is its row index. */
    static JavaRDD<Shard> ofRows(
            JavaPairRDD<Long, RowText> byRowIndex, RowPartitioner partitioner, RowCoder coder, Tokens tokens) {
        Function2<Integer, Iterator<Tuple2<Long, RowText>>, Iterator<Shard>> build = (index, rows) -> {
            Builder shard = new Builder();
            try (TextTokenizer tokenizer = tokens.open()) {
                while (rows.hasNext()) {
                    Tuple2<Long, RowText> row = rows.next();
                    shard.add(coder.encode(tokenizer, row._2(), row._1()));
                }
            }
            return shard.build(index);
        };
        return byRowIndex.repartitionAndSortWithinPartitions(partitioner).mapPartitionsWithIndex(build, true);
    }

    /** Opens the tokenizer on an executor. */
    static final class Tokens implements Serializable {

        private static final long serialVersionUID = 1L;

        private final Broadcast<TokenizerSpec> spec;
        private final int maxLength;

        Tokens(JavaSparkContext spark, Tokenization tokenization) {
            // Invalid settings fail here on the driver, not once in every task.
            TextTokenizer.open(tokenization.tokenizer(), tokenization.maxLength())
                    .close();
            this.spec = spark.broadcast(tokenization.tokenizer());
            this.maxLength = tokenization.maxLength();
        }

        TextTokenizer open() {
            return TextTokenizer.open(spec.value(), maxLength);
        }
    }

    private static final class Builder {

        private final List<Example> examples = new ArrayList<>();
        private int truncated;

        void add(Coded row) {
            examples.add(row.example);
            truncated += row.truncated ? 1 : 0;
        }

        Iterator<Shard> build(int index) {
            return List.of(new Shard(index, examples, truncated)).iterator();
        }
    }
}
