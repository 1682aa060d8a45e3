package org.sparklora.worker.spark;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.apache.spark.BarrierTaskContext;
import org.apache.spark.SparkEnv;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.allreduce.Mailbox;
import org.sparklora.worker.allreduce.RankMap;
import org.sparklora.worker.allreduce.ShardTree;
import org.sparklora.worker.allreduce.TreeAllReduce;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.FreezePlan;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.Phase;
import org.sparklora.worker.contract.PhaseClock;
import org.sparklora.worker.contract.ShardSum;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.spark.SegmentResult.Outcome;
import org.sparklora.worker.train.DivergedException;
import org.sparklora.worker.train.GradientExchange;
import org.sparklora.worker.train.StepReport;
import org.sparklora.worker.train.TrainState;
import org.sparklora.worker.train.TrainStateCodec;
import org.sparklora.worker.train.TrainStep;
import scala.collection.JavaConverters;
import scala.runtime.AbstractFunction1;

/**
 * One rank of a barrier stage. It learns the addresses of the others once, then runs every step of the segment with them. Each
 * rank holds the whole training state and updates it with the same total, so all ranks end with the same bits.
 */
public final class SegmentTask
        extends AbstractFunction1<scala.collection.Iterator<CachedShard>, scala.collection.Iterator<SegmentResult>>
        implements Serializable {

    private static final long serialVersionUID = 1L;

    private final Shared<EpochContext> context;
    private final byte[] state;
    private final SegmentPlan segment;

    /**
     * Runs a segment.
     *
     * @param state encoded training state before the segment
     */
    public SegmentTask(Shared<EpochContext> context, byte[] state, SegmentPlan segment) {
        this.context = context;
        this.state = state;
        this.segment = segment;
    }

    @Override
    public scala.collection.Iterator<SegmentResult> apply(scala.collection.Iterator<CachedShard> shards) {
        List<CachedShard> own = new ArrayList<>();
        while (shards.hasNext()) {
            own.add(shards.next());
        }
        Iterator<SegmentResult> result = List.of(run(own)).iterator();
        return JavaConverters.asScalaIteratorConverter(result).asScala();
    }

    private SegmentResult run(List<CachedShard> shards) {
        PhaseClock clock = new PhaseClock();
        BarrierTaskContext task = BarrierTaskContext.get();
        EpochContext epoch = context.value();
        FreezePlan plan = epoch.plan().freezePlan();
        int self = task.partitionId();
        RankMap ranks = new RankMap(epoch.plan().shards().shards(), task.getTaskInfos().length);
        requireShards(shards, ranks, self);

        TrainState training = TrainState.restore(plan.manifest(), TrainStateCodec.decodeState(state));
        TrainStep step = new TrainStep(training, plan, segment.optimizer());
        int floats = plan.trainableParameters();
        long firstStep = segment.steps().firstGlobal() + segment.steps().from();
        Mailbox mailbox = new Mailbox(segment.sessionId(), floats, ranks, self, firstStep);
        clock.lap(Phase.DATA);
        String host = host(task.getTaskInfos()[self].address());
        SparkEnv env = SparkEnv.get();
        try (SparkTransport transport = new SparkTransport(env.conf(), env.securityManager(), host, mailbox)) {
            // If Spark repeats the stage, the segment is the same but the addresses change.
            String session = segment.sessionId() + "/" + task.stageAttemptNumber();
            transport.connect(segment.rendezvous()
                    .join(env, new Rendezvous.RankRegistration(session, self, ranks.ranks(), transport.address())));
            clock.lap(Phase.WAITING);
            TreeAllReduce reduce =
                    new TreeAllReduce(segment.sessionId(), floats, ranks, self, mailbox, transport, segment.deadline());
            try {
                List<StepReport> reports = new ArrayList<>();
                SegmentProgress progress =
                        new SegmentProgress(segment, self == 0 ? ExecutorProgressPlugin::send : unsent -> {});
                String diverged = steps(step, exchange(shards, reduce, mailbox, clock), report -> {
                    reports.add(report);
                    progress.done(report);
                });
                clock.lap(Phase.OPTIMIZER);
                long waited = mailbox.waitedNanos();
                reduce.finish();
                lapExchange(clock, mailbox.waitedNanos() - waited);
                Outcome outcome =
                        self > 0 ? null : new Outcome(reports, diverged, TrainStateCodec.encode(training.capture()));
                return new SegmentResult(self, transport.address(), digests(training), clock.times(), outcome);
            } catch (RuntimeException | Error e) {
                reduce.leave(e);
                throw e;
            }
        }
    }

    /** Runs the steps, and returns why they ended early, if they did. */
    private @Nullable String steps(TrainStep step, GradientExchange exchange, Consumer<StepReport> done) {
        try {
            for (int k = segment.steps().from(); k < segment.steps().to(); k++) {
                done.accept(step.run(segment.steps().firstGlobal() + k, k, exchange));
            }
            return null;
        } catch (DivergedException e) {
            // Every rank has the same sum, so all stop at the same step. The steps before it count.
            return e.getMessage();
        }
    }

    private GradientExchange exchange(
            List<CachedShard> shards, TreeAllReduce reduce, Mailbox mailbox, PhaseClock clock) {
        EpochContext epoch = context.value();
        ShardTree tree = new ShardTree(epoch.plan().shards().shards());
        return (k, trainable) -> {
            clock.lap(Phase.OPTIMIZER);
            Map<Integer, ShardSum> sums = new TreeMap<>();
            for (CachedShard shard : shards) {
                mailbox.computes(shard.index());
                sums.put(
                        tree.leaf(shard.index()),
                        epoch.pass().sum(trainable, k, shard.index(), epoch.microbatches(shard, k), clock));
            }
            long waited = mailbox.waitedNanos();
            ShardSum total = reduce.sum(sums);
            lapExchange(clock, mailbox.waitedNanos() - waited);
            return total;
        };
    }

    /** Assigns the time since the last lap to the exchange, except what the rank waited. */
    private static void lapExchange(PhaseClock clock, long waitedNanos) {
        clock.lap(Phase.EXCHANGE);
        clock.move(Phase.EXCHANGE, Phase.WAITING, waitedNanos);
    }

    private static void requireShards(List<CachedShard> shards, RankMap ranks, int self) {
        int expected = ranks.firstShard(self + 1) - ranks.firstShard(self);
        boolean correct = shards.size() == expected && shards.stream().allMatch(s -> ranks.rankOf(s.index()) == self);
        if (!correct) {
            throw new IllegalStateException("rank " + self + " of " + ranks.ranks() + " holds the shards "
                    + shards.stream().map(CachedShard::index).toList() + ", but owns " + expected
                    + " shards from " + ranks.firstShard(self) + " on");
        }
    }

    /** SHA-256 of the values of each group that is not dormant. They must be equal on every rank. */
    private static SortedMap<String, String> digests(TrainState training) {
        AdapterSnapshot snapshot = training.snapshot();
        LoraManifest manifest = training.manifest();
        TreeMap<String, String> digests = new TreeMap<>();
        for (String group : manifest.names()) {
            if (training.freeze().of(group) != GroupState.DORMANT) {
                Set<String> names =
                        manifest.tensors(group).stream().map(TensorSpec::name).collect(Collectors.toSet());
                digests.put(group, snapshot.only(names::contains).sha256());
            }
        }
        return digests;
    }

    private static String host(String address) {
        int colon = address.lastIndexOf(':');
        return colon < 0 ? address : address.substring(0, colon);
    }
}
