package org.sparklora.driver.cluster;

import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import org.sparklora.driver.cluster.data.Shards;
import org.sparklora.driver.job.config.ActivationCache;
import org.sparklora.driver.run.loop.EpochRunner;
import org.sparklora.driver.run.loop.LostExecutor.RunPhase;
import org.sparklora.driver.run.loop.RunListener;
import org.sparklora.worker.contract.EpochPlan;
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

    private final JavaSparkContext spark;
    private final RunContext run;
    private final PlacedData rows;
    private final Retries retries;
    private final boolean peer;
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
     * @param rows stay open
     * @param lost what the run has lost since it began to read; stays open
     */
    public SparkEpochRunner(
            SparkSession session,
            RunContext run,
            Encoder encoder,
            PlacedData rows,
            ClusterSettings settings,
            RunListener listener,
            LostExecutors lost) {
        this.spark = JavaSparkContext.fromSparkContext(session.sparkContext());
        this.run = run;
        this.rows = rows;
        int shards = rows.data().training().plan().shards();
        RankCount count = RankCount.of(spark, shards, settings.patience(), listener);
        this.retries = new Retries(spark, count, settings.maxFailures(), listener, lost);
        this.peer = settings.exchange().peer();
        List<TrunkCache.DataSet> sets = new ArrayList<>();
        sets.add(new TrunkCache.DataSet(rows.training(), rows.data().training().statistics()));
        rows.validation()
                .ifPresent(placed ->
                        sets.add(new TrunkCache.DataSet(placed, validationRows().statistics())));
        this.cache = new TrunkCache(
                spark, run, retries, new TrunkCache.CacheRequest(settings.cache(), encoder, listener), sets);
    }

    private Shards validationRows() {
        return rows.data().validation().orElseThrow();
    }

    @Override
    public Epoch open(EpochPlan plan, TrainState state, OptimizerSettings optimizer) {
        cache.prepare(plan);
        Shared<EpochContext> context = Shared.of(spark, new EpochContext(run, plan));
        if (peer) {
            return new PeerExchange(spark, rows.training(), context, state, optimizer, retries, segmentLength);
        }
        return new DriverExchange(
                spark, rows.training().inTasks(), context, new TrainStep(state, plan.freezePlan(), optimizer), retries);
    }

    @Override
    public boolean validates() {
        return rows.validation().isPresent();
    }

    @Override
    public SortedMap<String, Double> evaluate(EpochPlan plan, long stepsDone) {
        if (rows.validation().isEmpty()) {
            return new TreeMap<>();
        }
        cache.prepare(plan);
        Shards held = validationRows();
        Metrics metrics =
                new Metrics(rows.data().task(), run.head(), rows.data().labels());
        Shared<EpochContext> context = Shared.of(spark, new EpochContext(run, plan));
        try {
            return retries.run(new Retries.RunStep(RunPhase.VALIDATION, plan.epoch(), stepsDone), (ranks, failures) -> {
                spark.sc().setJobDescription("epoch " + plan.epoch() + " validation");
                return metrics.of(
                        rows.validation().get().inTasks().mapPartitions(new PredictTask<>(context, metrics.scores())),
                        held.plan().shards(),
                        held.statistics().examples());
            });
        } finally {
            context.destroy(false);
        }
    }

    /** Ends the run's use of the cluster. Its rows stay. */
    @Override
    public void close() {
        retries.close();
    }
}
