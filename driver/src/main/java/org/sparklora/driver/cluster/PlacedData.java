package org.sparklora.driver.cluster;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.sparklora.driver.cluster.data.RunData;
import org.sparklora.driver.cluster.data.Shards;
import org.sparklora.worker.data.Shard;

/**
 * The rows of a run where its tasks read them, with their trunk activations while those are cached. Several runs may {@linkplain
 * #share share} rows, one after the other or at the same time: each has its own object, and the last that is closed frees them.
 */
public final class PlacedData implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(PlacedData.class);
    private static final Duration MAX_FREEING = Duration.ofSeconds(10);

    private final RunData data;
    private final ShardPlacement training;
    private final Optional<ShardPlacement> validation;
    private final AtomicInteger users;

    private PlacedData(
            RunData data, ShardPlacement training, Optional<ShardPlacement> validation, AtomicInteger users) {
        this.data = data;
        this.training = training;
        this.validation = validation;
        this.users = users;
        users.incrementAndGet();
    }

    /** Places tokenized rows as an exchange needs them. */
    public static PlacedData of(SparkSession session, RunData data, ExchangeChoice exchange) {
        JavaSparkContext spark = JavaSparkContext.fromSparkContext(session.sparkContext());
        JavaRDD<Shard> rows = data.training().rdd();
        return new PlacedData(
                data,
                exchange.peer()
                        ? ShardPlacement.byRank(spark, rows, TaskSlots.ranks(spark, rows.getNumPartitions()))
                        : ShardPlacement.byShard(spark, rows),
                data.validation().map(held -> ShardPlacement.byShard(spark, held.rdd())),
                new AtomicInteger());
    }

    /** The same rows for one more run, with the activations that were cached last. */
    public PlacedData share() {
        return new PlacedData(data, training.share(), validation.map(ShardPlacement::share), users);
    }

    public RunData data() {
        return data;
    }

    ShardPlacement training() {
        return training;
    }

    Optional<ShardPlacement> validation() {
        return validation;
    }

    /**
     * Frees the rows that Spark persists, unless other runs share them, so that the session can be used again. Waits until they are free: if Spark still
     * removes them when it is stopped, it prints stack traces. Does not wait long, since an executor may no longer answer.
     */
    @Override
    public void close() {
        CompletableFuture<Void> freed = CompletableFuture.runAsync(() -> {
            training.close();
            validation.ifPresent(ShardPlacement::close);
            if (users.decrementAndGet() == 0) {
                data.training().unpersist();
                data.validation().ifPresent(Shards::unpersist);
            }
        });
        try {
            freed.get(MAX_FREEING.toSeconds(), TimeUnit.SECONDS);
        } catch (ExecutionException | TimeoutException e) {
            // A failure to free memory must not hide the outcome of the run.
            LOG.warn("the persisted rows are not free yet", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
