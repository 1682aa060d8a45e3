package org.sparklora.driver.cluster;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.Consumer;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.rdd.RDD;
import org.sparklora.driver.run.loop.EpochRunner;
import org.sparklora.driver.run.loop.ProgressListener;
import org.sparklora.worker.contract.KeyedRandom;
import org.sparklora.worker.contract.PhaseTimes;
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
    private final ShardPlacement shards;
    private final Broadcast<EpochContext> context;
    private final TrainState state;
    private final OptimizerSettings optimizer;
    private final Retries retries;
    private final SegmentLength length;
    private final RendezvousServer place;
    private PhaseTimes times = PhaseTimes.NONE;

    /**
     * What watches segments.
     *
     * @param length measures them, and so decides how long the next is
     * @param live sees their steps before they count, where the plugin is loaded
     */
    record Segments(SegmentLength length, ProgressListener live) {}

    PeerExchange(
            JavaSparkContext spark,
            ShardPlacement shards,
            Broadcast<EpochContext> context,
            TrainState state,
            OptimizerSettings optimizer,
            Retries retries,
            Segments segments) {
        this.spark = spark;
        this.shards = shards;
        this.context = context;
        this.state = state;
        this.optimizer = optimizer;
        this.retries = retries;
        this.length = segments.length();
        this.place = new RendezvousServer(TaskSlots.meetingTimeout(spark));
        int epoch = context.value().plan().epoch();
        ProgressPlugin.listen(place.meeting().place(), step -> segments.live().underWay(epoch, step));
    }

    @Override
    public int run(int from, int to, long firstGlobal, Consumer<List<StepReport>> done) {
        int stop = Math.min(to, from + length.steps());
        Retries.Place at = new Retries.Place(context.value().plan().epoch(), firstGlobal + from);
        List<SegmentResult> results = retries.run(at, (ranks, failures) -> {
            long began = length.clock().millis();
            List<SegmentResult> all = attempt(ranks, from, stop, firstGlobal, failures);
            length.took(stop - from, length.clock().millis() - began);
            RankAgreement.require(all.stream().map(PeerExchange::claim).toList(), at.step());
            return all;
        });
        return commit(results.get(0), from, done);
    }

    private static RankAgreement.Claim claim(SegmentResult result) {
        return new RankAgreement.Claim(result.rank(), result.host(), result.digests());
    }

    private List<SegmentResult> attempt(int ranks, int from, int stop, long firstGlobal, int attempt) {
        int epoch = context.value().plan().epoch();
        spark.sc()
                .setJobDescription(
                        "epoch " + epoch + " steps " + from + " to " + (stop - 1) + " on " + ranks + " ranks");
        // Of the place, which no other run has: one with the same seed may run beside this one, and ports are used
        // again.
        long seed = context.value().run().settings().seed();
        long stage = KeyedRandom.mix(KeyedRandom.key(seed, place.meeting().place()), firstGlobal + from);
        SegmentPlan segment = new SegmentPlan(
                new SegmentPlan.Steps(from, stop, firstGlobal),
                optimizer,
                KeyedRandom.mix(stage, attempt),
                place.meeting(),
                TaskSlots.stepTimeout(spark));
        SegmentTask task = new SegmentTask(context, TrainStateCodec.encode(state.capture()), segment);
        RDD<SegmentResult> results = shards.forRanks(ranks).rdd().barrier().mapPartitions(task, false, RESULT);
        return Arrays.stream((SegmentResult[]) results.collect())
                .sorted(Comparator.comparingInt(SegmentResult::rank))
                .toList();
    }

    private int commit(SegmentResult first, int from, Consumer<List<StepReport>> done) {
        times = times.plus(first.times());
        state.become(TrainStateCodec.decodeState(first.state().orElseThrow()));
        if (!first.reports().isEmpty()) {
            done.accept(first.reports());
        }
        first.diverged().ifPresent(message -> {
            throw DivergedException.ofMessage(message);
        });
        return from + first.reports().size();
    }

    @Override
    public PhaseTimes times() {
        return times;
    }

    @Override
    public void close() {
        ProgressPlugin.close(place.meeting().place());
        place.close();
        context.destroy();
    }
}
