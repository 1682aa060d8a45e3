package org.sparklora.driver.cluster;

import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.SparkSession;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.sparklora.driver.cluster.data.EvaluationData;
import org.sparklora.driver.cluster.data.TrainingData;
import org.sparklora.driver.job.config.ActivationCache;
import org.sparklora.driver.run.loop.CacheListener;
import org.sparklora.driver.run.loop.EpochRunner;
import org.sparklora.driver.run.loop.FailureListener;
import org.sparklora.driver.run.loop.ProgressListener;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.data.Padding;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.spark.EpochContext;
import org.sparklora.worker.spark.PredictTask;
import org.sparklora.worker.spark.RunContext;
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
    private final SparkSession session;
    private final RunContext run;
    private final RunData data;
    private final Retries retries;
    private final boolean peer;
    private final ShardPlacement trainingShards;
    private final Optional<ShardPlacement> validationShards;
    private final TrunkCache cache;
    private final PeerExchange.Segments segments;
    private final int shards;

    /** The rows of a run and their labels. */
    public record RunData(TrainingData training, Optional<EvaluationData> validation, TaskLabels labels) {}

    /**
     * How the run uses the cluster.
     *
     * @param maxFailures failures in a row that end the run
     * @param cache where to cache activations
     */
    public record ClusterSettings(ExchangeChoice exchange, int maxFailures, ActivationCache cache) {}

    /** Creates the runner of one run. */
    public <L extends FailureListener & CacheListener & ProgressListener> SparkEpochRunner(
            SparkSession session, RunContext run, Encoder encoder, RunData data, ClusterSettings settings, L listener) {
        this.session = session;
        this.spark = JavaSparkContext.fromSparkContext(session.sparkContext());
        this.run = run;
        this.data = data;
        JavaRDD<Shard> training = data.training().shards();
        this.shards = training.getNumPartitions();
        this.retries = new Retries(spark, shards, settings.maxFailures(), listener);
        this.peer = settings.exchange().peer();
        this.segments = new PeerExchange.Segments(new SegmentLength(Clock.systemUTC()), listener);
        this.trainingShards = peer
                ? ShardPlacement.byRank(spark, training, TaskSlots.ranks(spark, shards))
                : ShardPlacement.byShard(spark, training);
        this.validationShards = data.validation().map(held -> ShardPlacement.byShard(spark, held.slices()));
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
        Broadcast<EpochContext> context = spark.broadcast(new EpochContext(run, plan));
        if (peer) {
            return new PeerExchange(spark, trainingShards, context, state, optimizer, retries, segments);
        }
        return new DriverExchange(
                spark, trainingShards.inTasks(), context, new TrainStep(state, plan.freezePlan(), optimizer), retries);
    }

    @Override
    public Padding padding(EpochPlan plan) {
        Broadcast<EpochContext> context = spark.broadcast(new EpochContext(run, plan));
        try {
            return retries.run(after(plan), (ranks, failures) -> {
                spark.sc().setJobDescription("epoch " + plan.epoch() + " padding");
                return data.training()
                        .shards()
                        .map(shard -> context.value().padding(shard))
                        .fold(Padding.NONE, Padding::plus);
            });
        } finally {
            context.destroy();
        }
    }

    /** The step after an epoch's last, where evaluation belongs. */
    private static Retries.RunStep after(EpochPlan plan) {
        return new Retries.RunStep(
                plan.epoch(), (plan.epoch() + 1L) * plan.shards().stepsPerEpoch());
    }

    @Override
    public SortedMap<String, Double> evaluate(EpochPlan plan) {
        if (data.validation().isEmpty()) {
            return new TreeMap<>();
        }
        EvaluationData held = data.validation().get();
        cache.prepare(plan);
        Broadcast<EpochContext> context = spark.broadcast(new EpochContext(run, plan));
        try {
            return retries.run(after(plan), (ranks, failures) -> metrics(held, context, plan.epoch()));
        } finally {
            context.destroy();
        }
    }

    private SortedMap<String, Double> metrics(EvaluationData held, Broadcast<EpochContext> context, int epoch) {
        spark.sc().setJobDescription("epoch " + epoch + " validation");
        Predictions predictions = Predictions.collect(
                held, run.head(), validationShards.orElseThrow().inTasks().mapPartitions(new PredictTask(context)));
        return Metrics.of(session, predictions, run.head(), data.labels());
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
            data.validation().ifPresent(EvaluationData::unpersist);
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
