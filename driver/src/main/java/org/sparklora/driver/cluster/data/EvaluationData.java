package org.sparklora.driver.cluster.data;

import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.storage.StorageLevel;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.data.TextStatistics;

/**
 * Labelled rows in the order of file and row, tokenized and cut into S consecutive slices: partition i holds slice i.
 *
 * <p>The key of an example is its row index, from 0, so results computed in any order can be put back in order.
 */
public final class EvaluationData {

    private final JavaRDD<Shard> slices;
    private final long rows;
    private final TextStatistics statistics;

    private EvaluationData(JavaRDD<Shard> slices, long rows) {
        this.slices = slices.persist(StorageLevel.MEMORY_AND_DISK());
        this.rows = rows;
        this.statistics = Shards.statistics(this.slices);
    }

    /**
     * Checks and tokenizes rows.
     *
     * @throws DataException for the first row without text or label, or with an unknown label
     */
    public static EvaluationData labelled(Dataset<Row> rows, LabelCodec labels, Tokenization tokenization, int shards) {
        JavaSparkContext spark =
                JavaSparkContext.fromSparkContext(rows.sparkSession().sparkContext());
        Shards.Tokens tokens = new Shards.Tokens(spark, tokenization);
        RowCoder coder = new RowCoder(labels);
        long count = coder.check(InputRow.of(rows), "evaluate");
        RowPartitioner partitioner = RowPartitioner.slices(shards, count);
        return new EvaluationData(Shards.ofRows(InputRow.inOrder(rows), partitioner, coder, tokens), count);
    }

    /** The slices, persisted. */
    public JavaRDD<Shard> slices() {
        return slices;
    }

    /** Number of rows. */
    public long rows() {
        return rows;
    }

    /** Counts and lengths of all rows. */
    public TextStatistics statistics() {
        return statistics;
    }

    /** Frees the storage, and returns when it is free. */
    public void unpersist() {
        slices.unpersist(true);
    }
}
