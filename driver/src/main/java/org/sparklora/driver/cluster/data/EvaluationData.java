package org.sparklora.driver.cluster.data;

import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.storage.StorageLevel;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.data.TextStatistics;

/**
 * Rows in the order of file and row, tokenised, cut into S consecutive slices: partition i holds slice i.
 *
 * <p>An example's key is its index in that order, from 0, so what is computed in any order can be put back.
 */
public final class EvaluationData {

    private final JavaRDD<Shard> slices;
    private final long rows;
    private final TextStatistics statistics;

    private EvaluationData(JavaRDD<Shard> slices, long rows) {
        this.slices = slices.persist(StorageLevel.MEMORY_AND_DISK());
        this.rows = rows;
        this.statistics = this.slices.map(TextStatistics::of).fold(TextStatistics.EMPTY, TextStatistics::plus);
    }

    /** Rows whose labels are known; a row without text or label, or with an unknown label, is refused. */
    public static EvaluationData labelled(Dataset<Row> rows, LabelCodec labels, Tokenization tokenization, int shards) {
        return prepare(rows, labels, tokenization, shards);
    }

    /** Rows to predict: labels are not read, and a row without text is left out and counted. */
    public static EvaluationData unlabelled(Dataset<Row> rows, Tokenization tokenization, int shards) {
        return prepare(rows, null, tokenization, shards);
    }

    private static EvaluationData prepare(
            Dataset<Row> rows, @Nullable LabelCodec labels, Tokenization tokenization, int shards) {
        JavaSparkContext spark =
                JavaSparkContext.fromSparkContext(rows.sparkSession().sparkContext());
        Shards.Tokens tokens = new Shards.Tokens(spark, tokenization);
        RowCoder coder = new RowCoder(labels);
        long count = coder.check(InputRow.of(rows));
        if (count == 0) {
            throw new DataException("there is no row to evaluate; check the data's path");
        }
        JavaPairRDD<Long, RowText> ranked = InputRow.inOrder(rows);
        return new EvaluationData(Shards.encode(ranked, RowPartitioner.slices(shards, count), coder, tokens), count);
    }

    /** The slices; persisted. A slice's rows are in the order of file and row. */
    public JavaRDD<Shard> slices() {
        return slices;
    }

    /** Rows of the input. */
    public long rows() {
        return rows;
    }

    /** Rows without text, which no slice holds. */
    public long missing() {
        return rows - statistics.examples();
    }

    /** Counts and lengths. */
    public TextStatistics statistics() {
        return statistics;
    }

    /** Frees the storage, and returns when it is free. */
    public void unpersist() {
        slices.unpersist(true);
    }
}
