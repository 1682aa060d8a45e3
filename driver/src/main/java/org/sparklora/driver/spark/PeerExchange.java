package org.sparklora.driver.spark;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.rdd.RDD;
import org.sparklora.driver.loop.ClusterException;
import org.sparklora.driver.loop.EpochRunner;
import org.sparklora.driver.loop.FailureListener;
import org.sparklora.worker.contract.KeyedRandom;
import org.sparklora.worker.spark.EpochContext;
import org.sparklora.worker.spark.SegmentPlan;
import org.sparklora.worker.spark.SegmentResult;
import org.sparklora.worker.spark.SegmentTask;
import org.sparklora.worker.train.DivergedException;
import org.sparklora.worker.train.OptimizerSettings;
import org.sparklora.worker.train.StepReport;
import org.sparklora.worker.train.TrainState;
import org.sparklora.worker.train.TrainStateCodec;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;

/**
 * The {@code peer} exchange: ranks do a segment of steps among themselves, in one barrier stage. The driver's state is the
 * one that counts: it changes when a segment is complete and all ranks agree; a segment that fails is done again from it,
 * with as many ranks as there are then.
 */
final class PeerExchange implements EpochRunner.Epoch {

    private static final ClassTag<SegmentResult> RESULT = ClassTag$.MODULE$.apply(SegmentResult.class);

    private final JavaSparkContext spark;
    private final RankedShards shards;
    private final Broadcast<EpochContext> context;
    private final TrainState state;
    private final OptimizerSettings optimizer;
    private final Tolerance tolerance;
    private final SegmentLength length;

    /**
     * How much failure a run bears.
     *
     * @param maxFailures in a row, without a completed segment
     */
    record Tolerance(int maxFailures, FailureListener listener) {}

    PeerExchange(
            JavaSparkContext spark,
            RankedShards shards,
            Broadcast<EpochContext> context,
            TrainState state,
            OptimizerSettings optimizer,
            Tolerance tolerance,
            SegmentLength length) {
        this.spark = spark;
        this.shards = shards;
        this.context = context;
        this.state = state;
        this.optimizer = optimizer;
        this.tolerance = tolerance;
        this.length = length;
    }

    @Override
    public int run(int from, int to, long firstGlobal, Consumer<List<StepReport>> done) {
        int stop = Math.min(to, from + length.steps());
        int epoch = context.value().plan().epoch();
        for (int failures = 0; ; ) {
            int ranks = Slots.ranks(spark, context.value().plan().shards().shards());
            try {
                long began = length.clock().millis();
                List<SegmentResult> results = attempt(ranks, from, stop, firstGlobal, failures);
                length.took(stop - from, length.clock().millis() - began);
                if (failures > 0) {
                    tolerance.listener().recovered(epoch, firstGlobal + from, ranks);
                }
                return commit(results, from, done);
            } catch (DivergedException | RankMismatchException e) {
                throw e;
            } catch (Exception e) {
                // Exception, because Spark throws checked ones that no signature names.
                failures++;
                String why = Failures.summary(e);
                tolerance.listener().failed(epoch, firstGlobal + from, failures, why);
                if (failures >= tolerance.maxFailures()) {
                    throw new ClusterException(
                            "the cluster failed " + failures + " times in a row at step " + (firstGlobal + from)
                                    + " of epoch " + epoch + ", the last time because: " + why
                                    + ". Run again with --resume when it is well",
                            e);
                }
            }
        }
    }

    private List<SegmentResult> attempt(int ranks, int from, int stop, long firstGlobal, int attempt) {
        int epoch = context.value().plan().epoch();
        spark.sc()
                .setJobDescription(
                        "epoch " + epoch + " steps " + from + " to " + (stop - 1) + " on " + ranks + " ranks");
        long stage =
                KeyedRandom.mix(KeyedRandom.key(context.value().run().settings().seed(), "stage"), firstGlobal + from);
        SegmentPlan segment = new SegmentPlan(
                new SegmentPlan.Steps(from, stop, firstGlobal),
                optimizer,
                KeyedRandom.mix(stage, attempt),
                Slots.stepTimeout(spark));
        SegmentTask task = new SegmentTask(context, TrainStateCodec.encode(state.capture()), segment);
        RDD<SegmentResult> results = shards.forRanks(ranks).rdd().barrier().mapPartitions(task, false, RESULT);
        return Arrays.stream((SegmentResult[]) results.collect())
                .sorted(Comparator.comparingInt(SegmentResult::rank))
                .toList();
    }

    private int commit(List<SegmentResult> results, int from, Consumer<List<StepReport>> done) {
        SegmentResult first = results.get(0);
        for (SegmentResult other : results) {
            for (Map.Entry<String, String> group : first.digests().entrySet()) {
                if (!group.getValue().equals(other.digests().get(group.getKey()))) {
                    throw new RankMismatchException("after the steps from " + from + " on, group '" + group.getKey()
                            + "' differs between rank 0 (" + first.host() + ") and rank " + other.rank() + " ("
                            + other.host() + "): the machines compute differently. Use machines with one type of CPU");
                }
            }
        }
        state.become(TrainStateCodec.decodeState(first.state().orElseThrow()));
        if (!first.reports().isEmpty()) {
            done.accept(first.reports());
        }
        first.diverged().ifPresent(message -> {
            throw new DivergedException(message);
        });
        return from + first.reports().size();
    }

    @Override
    public void close() {
        context.destroy();
    }
}
