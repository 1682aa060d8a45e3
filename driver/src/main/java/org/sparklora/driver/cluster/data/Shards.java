package org.sparklora.driver.cluster.data;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.Function2;
import org.apache.spark.broadcast.Broadcast;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.data.TextTokenizer;
import org.sparklora.worker.data.TokenizerSpec;
import scala.Tuple2;

/**
 * Moves rows with a global rank to their shards: partition i holds shard i, its rows by rank.
 *
 * <p>The last step is a shuffle, so the stage that uses the shards has S tasks and no merged ancestors: what a barrier
 * stage asks for.
 */
final class Shards {

    private Shards() {}

    /** Deals examples that are ready. */
    static JavaRDD<Shard> deal(JavaPairRDD<Long, CodedExample> ranked, RowPartitioner byRank) {
        Function2<Integer, Iterator<Tuple2<Long, CodedExample>>, Iterator<Shard>> gather = (index, rows) -> {
            Builder shard = new Builder();
            while (rows.hasNext()) {
                shard.add(rows.next()._2());
            }
            return shard.build(index);
        };
        return ranked.repartitionAndSortWithinPartitions(byRank).mapPartitionsWithIndex(gather, true);
    }

    /** Deals rows and encodes them in their shard; the key is the rank, and a row without text is left out. */
    static JavaRDD<Shard> encode(
            JavaPairRDD<Long, RowText> ranked, RowPartitioner byRank, RowCoder coder, Tokens tokens) {
        Function2<Integer, Iterator<Tuple2<Long, RowText>>, Iterator<Shard>> gather = (index, rows) -> {
            Builder shard = new Builder();
            try (TextTokenizer tokenizer = tokens.open()) {
                while (rows.hasNext()) {
                    Tuple2<Long, RowText> row = rows.next();
                    if (!RowCoder.isMissing(row._2())) {
                        shard.add(coder.encode(tokenizer, row._2(), row._1()));
                    }
                }
            }
            return shard.build(index);
        };
        return ranked.repartitionAndSortWithinPartitions(byRank).mapPartitionsWithIndex(gather, true);
    }

    /** Opens the tokenizer in an executor. */
    static final class Tokens implements Serializable {

        private static final long serialVersionUID = 1L;

        private final Broadcast<TokenizerSpec> spec;
        private final int maxLength;

        Tokens(JavaSparkContext spark, Tokenization tokenization) {
            // Wrong settings fail here, on the driver, and not once a task.
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

        void add(CodedExample row) {
            examples.add(row.example);
            truncated += row.truncated ? 1 : 0;
        }

        Iterator<Shard> build(int index) {
            return List.of(new Shard(index, examples, truncated)).iterator();
        }
    }
}
