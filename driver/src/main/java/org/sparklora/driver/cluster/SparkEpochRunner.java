package org.sparklora.driver.cluster;

import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.sparklora.driver.cluster.data.RunData;
import org.sparklora.driver.cluster.data.Shards;
import org.sparklora.driver.job.config.ActivationCache;
import org.sparklora.driver.run.loop.EpochRunner;
import org.sparklora.driver.run.loop.LostExecutor.RunPhase;
import org.sparklora.driver.run.loop.RunListener;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.spark.EpochContext;
import org.sparklora.worker.spark.PredictTask;
import org.sparklora.worker.spark.RunContext;
import org.sparklora.worker.spark.Shared;
import org.sparklora.worker.train.OptimizerSettings;
import org.sparklora.worker.train.TrainState;
import org.sparklora.worker.train.TrainStep;

/**
 * Runs epochs on Spark. It broadcasts the plan of each epoch; an exchange runs the steps, and one more job evaluates.
 */
public final class SparkEpochRunner implements EpochRunner, AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(SparkEpochRunner.class);
    private static final Duration MAX_FREEING = Duration.ofSeconds(10);

    private final JavaSparkContext spark;
    private final RunContext run;
    private final RunData data;
    private final Retries retries;
    private final boolean peer;
    private final ShardPlacement trainingShards;
    private final Optional<ShardPlacement> validationShards;
    private final TrunkCache cache;
    private final SegmentLength segmentLength = new SegmentLength(Clock.systemUTC());

    /**
     * How long to wait for executors when too few are there.
     *
     * @param timeout of one wait
     * @param minExecutors executors that are enough; empty: for half of the ranks of the last job
     */
    public record Patience(Duration timeout, OptionalInt minExecutors) {}

    /**
     * How the run uses the cluster.
     *
     * @param maxFailures failures in a row that end the run
     * @param cache where to cache activations
     */
    public record ClusterSettings(ExchangeChoice exchange, int maxFailures, Patience patience, ActivationCache cache) {}

    /**
     * Creates the runner of one run.
     *
     * @param lost what the run has lost since it began to read; stays open
     */
    public SparkEpochRunner(
            SparkSession session,
            RunContext run,
            Encoder encoder,
            RunData data,
            ClusterSettings settings,
            RunListener listener,
            LostExecutors lost) {
        this.spark = JavaSparkContext.fromSparkContext(session.sparkContext());
        this.run = run;
        this.data = data;
        JavaRDD<Shard> training = data.training().rdd();
        int shards = training.getNumPartitions();
        RankCount count = RankCount.of(spark, shards, settings.patience(), listener);
        this.retries = new Retries(spark, count, settings.maxFailures(), listener, lost);
        this.peer = settings.exchange().peer();
        this.trainingShards = peer
                ? ShardPlacement.byRank(spark, training, TaskSlots.ranks(spark, shards))
                : ShardPlacement.byShard(spark, training);
        this.validationShards = data.validation().map(held -> ShardPlacement.byShard(spark, held.rdd()));
        List<TrunkCache.DataSet> sets = new ArrayList<>();
        sets.add(new TrunkCache.DataSet(trainingShards, data.training().statistics()));
        data.validation()
                .ifPresent(held -> sets.add(new TrunkCache.DataSet(validationShards.orElseThrow(), held.statistics())));
        this.cache = new TrunkCache(
                spark, run, retries, new TrunkCache.CacheRequest(settings.cache(), encoder, listener), sets);
    }

    @Override
    public Epoch open(EpochPlan plan, TrainState state, OptimizerSettings optimizer) {
        cache.prepare(plan);
        Shared<EpochContext> context = Shared.of(spark, new EpochContext(run, plan));
        if (peer) {
            return new PeerExchange(spark, trainingShards, context, state, optimizer, retries, segmentLength);
        }
        return new DriverExchange(
                spark, trainingShards.inTasks(), context, new TrainStep(state, plan.freezePlan(), optimizer), retries);
    }

    @Override
    public boolean validates() {
        return validationShards.isPresent();
    }

    @Override
    public SortedMap<String, Double> evaluate(EpochPlan plan, long stepsDone) {
        if (validationShards.isEmpty()) {
            return new TreeMap<>();
        }
        cache.prepare(plan);
        Shards held = data.validation().orElseThrow();
        Metrics metrics = new Metrics(data.task(), run.head(), data.labels());
        Shared<EpochContext> context = Shared.of(spark, new EpochContext(run, plan));
        try {
            return retries.run(new Retries.RunStep(RunPhase.VALIDATION, plan.epoch(), stepsDone), (ranks, failures) -> {
                spark.sc().setJobDescription("epoch " + plan.epoch() + " validation");
                return metrics.of(
                        validationShards.get().inTasks().mapPartitions(new PredictTask<>(context, metrics.scores())),
                        held.plan().shards(),
                        held.statistics().examples());
            });
        } finally {
            context.destroy(false);
        }
    }

    /**
     * Frees the rows that Spark persists, so that the session can be used again. Waits until they are free: if Spark still
     * removes them when it is stopped, it prints stack traces. Does not wait long, since an executor may no longer answer.
     */
    @Override
    public void close() {
        CompletableFuture<Void> freed = CompletableFuture.runAsync(() -> {
            trainingShards.close();
            validationShards.ifPresent(ShardPlacement::close);
            data.training().unpersist();
            data.validation().ifPresent(Shards::unpersist);
        });
        try {
            freed.get(MAX_FREEING.toSeconds(), TimeUnit.SECONDS);
        } catch (ExecutionException | TimeoutException e) {
            // A failure to free memory must not hide the outcome of the run.
            LOG.warn("the persisted rows are not free yet", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        retries.close();
    }
}
