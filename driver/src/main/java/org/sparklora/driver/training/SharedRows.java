package org.sparklora.driver.training;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.sql.SparkSession;
import org.sparklora.driver.cluster.ExchangeChoice;
import org.sparklora.driver.cluster.PlacedData;
import org.sparklora.driver.job.config.ClassWeights;
import org.sparklora.driver.job.config.DataConfig;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.ModelConfig;
import org.sparklora.driver.training.TrainingRun.RowSource;

/**
 * Tokenized rows of one session that several runs use, one run at a time. Runs whose {@link Layout} is equal read, tokenize
 * and deal their rows once, and share cached trunk activations where their plans have the same digest. Only the rows used last
 * are kept.
 */
public final class SharedRows implements AutoCloseable {

    /** In the order of their last use. */
    private final Map<Layout, PlacedData> rows = new LinkedHashMap<>(4, 0.75f, true);

    private final int kept;

    /** @param kept layouts whose rows stay open; the least recently used is closed first */
    public SharedRows(int kept) {
        this.kept = kept;
    }

    /** All of a job that decides which tokens are in which shard. */
    public record Layout(
            ModelConfig model,
            DataConfig data,
            long dataSeed,
            int batchSize,
            int shards,
            Optional<ClassWeights> weights) {

        public static Layout of(JobConfig job) {
            return new Layout(
                    job.model(),
                    job.data(),
                    job.dataSeed(),
                    job.training().batchSize(),
                    job.training().shards(),
                    job.training().loss().classWeights());
        }
    }

    RowSource of(SparkSession spark, JobConfig job) {
        return new RowSource() {

            @Override
            public PlacedData open(JobModel model, ExchangeChoice exchange) {
                PlacedData known = rows.get(Layout.of(job));
                return known != null ? known : read(spark, job, model, exchange);
            }

            @Override
            public void done(PlacedData used) {
                // They stay for the next run.
            }
        };
    }

    private PlacedData read(SparkSession spark, JobConfig job, JobModel model, ExchangeChoice exchange) {
        Iterator<PlacedData> oldest = rows.values().iterator();
        while (rows.size() >= kept) {
            oldest.next().close();
            oldest.remove();
        }
        Console.err("reading and tokenizing %s", job.data().train().name());
        PlacedData placed = PlacedData.of(spark, JobRows.read(spark, job).prepare(job, model), exchange);
        rows.put(Layout.of(job), placed);
        return placed;
    }

    @Override
    public void close() {
        rows.values().forEach(PlacedData::close);
        rows.clear();
    }
}
