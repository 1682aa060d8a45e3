package org.sparklora.driver.spark;

import java.time.Clock;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.SparkSession;
import org.sparklora.driver.data.EvaluationData;
import org.sparklora.driver.loop.EpochRunner;
import org.sparklora.driver.loop.FailureListener;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.spark.EpochContext;
import org.sparklora.worker.spark.PredictTask;
import org.sparklora.worker.spark.RunContext;
import org.sparklora.worker.spark.ShardLogits;
import org.sparklora.worker.train.OptimizerSettings;
import org.sparklora.worker.train.TrainState;
import org.sparklora.worker.train.TrainStep;

/** Runs epochs on Spark: broadcasts each plan, then one job per step and one for evaluation. */
public final class SparkEpochRunner implements EpochRunner {

    private final JavaSparkContext spark;
    private final SparkSession session;
    private final RunContext run;
    private final JavaRDD<Shard> training;
    private final Optional<EvaluationData> validation;
    private final Retries retries;
    private final Optional<RankedShards> ranked;
    private final SegmentLength segmentLength = new SegmentLength(Clock.systemUTC());

    /**
     * @param training S partitions, one shard each
     * @param maxFailures failures in a row that the run bears
     */
    public SparkEpochRunner(
            SparkSession session,
            RunContext run,
            JavaRDD<Shard> training,
            Optional<EvaluationData> validation,
            ExchangeChoice exchange,
            int maxFailures,
            FailureListener failures) {
        this.session = session;
        this.spark = JavaSparkContext.fromSparkContext(session.sparkContext());
        this.run = run;
        this.training = training;
        this.validation = validation;
        this.retries = new Retries(spark, training.getNumPartitions(), maxFailures, failures);
        this.ranked = exchange.peer()
                ? Optional.of(new RankedShards(training, Slots.ranks(spark, training.getNumPartitions())))
                : Optional.empty();
    }

    @Override
    public Epoch open(EpochPlan plan, TrainState state, OptimizerSettings optimizer) {
        Broadcast<EpochContext> context = spark.broadcast(new EpochContext(run, plan));
        if (ranked.isPresent()) {
            return new PeerExchange(spark, ranked.get(), context, state, optimizer, retries, segmentLength);
        }
        return new DriverExchange(spark, inTasks(training), context, new TrainStep(state, optimizer), retries);
    }

    /** In so many tasks as the cluster has use for. The number never changes a bit. */
    private JavaRDD<Shard> inTasks(JavaRDD<Shard> shards) {
        int tasks = Slots.tasks(spark, shards.getNumPartitions());
        return tasks == shards.getNumPartitions() ? shards : shards.coalesce(tasks);
    }

    @Override
    public SortedMap<String, Double> evaluate(EpochPlan plan) {
        if (validation.isEmpty()) {
            return new TreeMap<>();
        }
        EvaluationData data = validation.get();
        Broadcast<EpochContext> context = spark.broadcast(new EpochContext(run, plan));
        try {
            long next = (plan.epoch() + 1L) * plan.shards().stepsPerEpoch();
            return retries.run(
                    new Retries.Place(plan.epoch(), next), (ranks, failures) -> metrics(data, context, plan.epoch()));
        } finally {
            context.destroy();
        }
    }

    private SortedMap<String, Double> metrics(EvaluationData data, Broadcast<EpochContext> context, int epoch) {
        spark.sc().setJobDescription("epoch " + epoch + " validation");
        Predictions predictions =
                new Predictions(Math.toIntExact(data.rows()), run.head().outputs());
        for (ShardLogits part :
                inTasks(data.slices()).mapPartitions(new PredictTask(context)).collect()) {
            predictions.put(part);
        }
        return Metrics.of(session, predictions, run.head());
    }
}
