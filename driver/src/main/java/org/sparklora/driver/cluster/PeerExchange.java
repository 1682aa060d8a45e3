package org.sparklora.driver.cluster;

import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.rdd.RDD;
import org.sparklora.driver.run.loop.EpochRunner;
import org.sparklora.driver.run.loop.LostExecutor.RunPhase;
import org.sparklora.worker.contract.KeyedRandom;
import org.sparklora.worker.contract.PhaseTimes;
import org.sparklora.worker.spark.EpochContext;
import org.sparklora.worker.spark.JavaSerialized;
import org.sparklora.worker.spark.SegmentPlan;
import org.sparklora.worker.spark.SegmentResult;
import org.sparklora.worker.spark.SegmentTask;
import org.sparklora.worker.spark.Shared;
import org.sparklora.worker.train.DivergedException;
import org.sparklora.worker.train.OptimizerSettings;
import org.sparklora.worker.train.StepReport;
import org.sparklora.worker.train.TrainState;
import org.sparklora.worker.train.TrainStateCodec;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;

/**
 * The {@code peer} exchange: ranks run a segment of steps in one barrier stage and all-reduce among themselves. The driver
 * updates its own state only when a segment is complete and all ranks agree. A failed segment is repeated from that state, with
 * as many ranks as there are slots then.
 */
final class PeerExchange implements EpochRunner.Epoch {

    private static final ClassTag<SegmentResult> RESULT = ClassTag$.MODULE$.apply(Object.class);

    private final JavaSparkContext spark;
    private final ShardPlacement shards;
    private final Shared<EpochContext> context;
    private final TrainState state;
    private final OptimizerSettings optimizer;
    private final Retries retries;
    private final SegmentLength length;
    private final RendezvousServer rendezvous;
    private final SlowRanks slow;
    private PhaseTimes times = PhaseTimes.NONE;

    PeerExchange(
            JavaSparkContext spark,
            ShardPlacement shards,
            Shared<EpochContext> context,
            TrainState state,
            OptimizerSettings optimizer,
            Retries retries,
            SegmentLength length) {
        this.spark = spark;
        this.shards = shards;
        this.context = context;
        this.state = state;
        this.optimizer = optimizer;
        this.retries = retries;
        this.length = length;
        this.rendezvous = new RendezvousServer(TaskSlots.rendezvousTimeout(spark));
        this.slow = new SlowRanks(context.value().plan().shards().shards());
        int epoch = context.value().plan().epoch();
        ProgressPlugin.listen(
                rendezvous.address().endpoint(), step -> retries.listener().underWay(epoch, step));
    }

    @Override
    public int run(int from, int to, long firstGlobal, Consumer<List<StepReport>> done) {
        Retries.RunStep at =
                new Retries.RunStep(RunPhase.TRAINING, context.value().plan().epoch(), firstGlobal + from);
        List<SegmentResult> results = retries.run(at, (ranks, failures) -> {
            if (failures > 0) {
                length.failed();
            }
            int stop = Math.min(to, from + length.steps());
            long began = length.clock().millis();
            List<SegmentResult> all = attempt(ranks, new SegmentPlan.Steps(from, stop, firstGlobal), failures);
            length.took(stop - from, length.clock().millis() - began);
            RankAgreement.require(
                    all.stream()
                            .map(r -> new RankAgreement.Claim(r.rank(), r.host(), r.digests()))
                            .toList(),
                    at.step());
            return all;
        });
        slow.add(results);
        times = times.plus(results.get(0).times());
        return commit(Objects.requireNonNull(results.get(0).outcome()), from, done);
    }

    private List<SegmentResult> attempt(int ranks, SegmentPlan.Steps steps, int attempt) {
        spark.sc()
                .setJobDescription("epoch " + context.value().plan().epoch() + " steps " + steps.from() + " to "
                        + (steps.to() - 1) + " on " + ranks + " ranks");
        // Includes the endpoint's unique name: another run with the same seed may run beside this one, and ports are
        // reused.
        long seed = context.value().run().settings().seed();
        long segmentId = KeyedRandom.mix(
                KeyedRandom.key(seed, rendezvous.address().endpoint()), steps.firstGlobal() + steps.from());
        SegmentPlan segment = new SegmentPlan(
                steps,
                optimizer,
                KeyedRandom.mix(segmentId, attempt),
                rendezvous.address(),
                TaskSlots.stepTimeout(spark.getConf()));
        SegmentTask task = new SegmentTask(context, TrainStateCodec.encode(state.capture()), segment);
        RDD<SegmentResult> results = shards.forRanks(ranks).rdd().barrier().mapPartitions(task, false, RESULT);
        return JavaSerialized.collect(JavaRDD.fromRDD(results, RESULT)).stream()
                .sorted(Comparator.comparingInt(SegmentResult::rank))
                .toList();
    }

    private int commit(SegmentResult.Outcome first, int from, Consumer<List<StepReport>> done) {
        state.become(TrainStateCodec.decodeState(first.state()));
        if (!first.reports().isEmpty()) {
            done.accept(first.reports());
        }
        if (first.diverged() != null) {
            throw DivergedException.ofMessage(first.diverged());
        }
        return from + first.reports().size();
    }

    @Override
    public PhaseTimes times() {
        return times;
    }

    @Override
    public void close() {
        slow.worst()
                .ifPresent(
                        rank -> retries.listener().slow(context.value().plan().epoch(), rank));
        ProgressPlugin.close(rendezvous.address().endpoint());
        rendezvous.close();
        context.destroy(false);
    }
}
