package org.sparklora.driver.training;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.apache.spark.sql.SparkSession;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.cluster.ExchangeChoice;
import org.sparklora.driver.cluster.PlacedData;
import org.sparklora.driver.cluster.data.RunData;
import org.sparklora.driver.job.config.ClassWeights;
import org.sparklora.driver.job.config.DataConfig;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.ModelConfig;
import org.sparklora.driver.training.TrainingRun.RowSource;
import org.sparklora.worker.data.TokenizerSpec;

/**
 * Tokenized rows of one session that several runs use, one after the other or at the same time. Runs with an equal {@link Key}
 * tokenize and deal their rows once, and share cached trunk activations where their plans have the same digest. Only the rows used
 * last are kept. Safe from any thread.
 */
public final class SharedRows implements AutoCloseable {

    /** In the order of their last use. */
    private final Map<Key, Entry> entries = new LinkedHashMap<>(4, 0.75f, true);

    private final int kept;

    /** @param kept keys whose rows stay; those of the least recently used go first, as soon as no run uses them */
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

    /**
     * All that decides the shards, where they lie, and their trunk activations, but for the adapter.
     *
     * @param content what the rows hold; empty for files, which the layout names and which stay as they are
     * @param peer whether rows are placed for ranks
     */
    record Key(Layout layout, Optional<JobRows.Content> content, Base base, boolean peer) {}

    /** A base model and its tokenizer. */
    record Base(Object identity, TokenizerSpec tokenizer) {}

    /** The rows of a key, once a run has read them. */
    private static final class Entry {

        private @Nullable PlacedData rows;
        private boolean closed;

        /** The rows for one more run. Another run with the same key waits while they are read. */
        synchronized PlacedData share(Supplier<PlacedData> read) {
            PlacedData there = rows;
            if (there == null) {
                there = read.get();
                if (closed) {
                    return there;
                }
                rows = there;
            }
            return there.share();
        }

        synchronized void close() {
            closed = true;
            if (rows != null) {
                rows.close();
                rows = null;
            }
        }
    }

    /** The rows of the files that jobs of this session name. */
    RowSource of(SparkSession spark, JobConfig job) {
        return (model, exchange) -> share(spark, model, exchange, Optional.empty(), () -> {
            Console.err("reading and tokenizing %s", job.data().train().name());
            return JobRows.read(spark, job).prepare(job, model);
        });
    }

    /** Given rows. */
    RowSource of(SparkSession spark, JobConfig job, DatasetTraining.Rows rows) {
        return (model, exchange) -> {
            try (JobRows read = JobRows.of(job, rows)) {
                Optional<JobRows.Content> content =
                        Optional.of(read.content(job.data().order()));
                return share(spark, model, exchange, content, () -> read.prepare(job, model));
            }
        };
    }

    private PlacedData share(
            SparkSession spark,
            JobModel model,
            ExchangeChoice exchange,
            Optional<JobRows.Content> content,
            Supplier<RunData> read) {
        Base base = new Base(model.base().identity(), model.tokenizer());
        Key key = new Key(Layout.of(model.job()), content, base, exchange.peer());
        List<Entry> oldest = new ArrayList<>();
        Entry entry = entry(key, oldest);
        oldest.forEach(Entry::close);
        return entry.share(() -> PlacedData.of(spark, read.get(), exchange));
    }

    /** @param oldest gets the entries that the new one takes the place of */
    private synchronized Entry entry(Key key, List<Entry> oldest) {
        Entry entry = entries.computeIfAbsent(key, k -> new Entry());
        Iterator<Entry> others = entries.values().iterator();
        for (int surplus = entries.size() - kept; surplus > 0; surplus--) {
            oldest.add(others.next());
            others.remove();
        }
        return entry;
    }

    /** Frees the rows that no run uses; those of the others are freed when they end. */
    @Override
    public synchronized void close() {
        entries.values().forEach(Entry::close);
        entries.clear();
    }
}
