package org.sparklora.worker.spark;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.apache.spark.BarrierTaskContext;
import org.apache.spark.SparkEnv;
import org.apache.spark.broadcast.Broadcast;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.allreduce.Mailbox;
import org.sparklora.worker.allreduce.RankMap;
import org.sparklora.worker.allreduce.ShardTree;
import org.sparklora.worker.allreduce.TreeAllReduce;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.Phase;
import org.sparklora.worker.contract.PhaseClock;
import org.sparklora.worker.contract.ShardPlan;
import org.sparklora.worker.contract.ShardSum;
import org.sparklora.worker.contract.StepProgress;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.train.DivergedException;
import org.sparklora.worker.train.GradientExchange;
import org.sparklora.worker.train.StepReport;
import org.sparklora.worker.train.TrainState;
import org.sparklora.worker.train.TrainStateCodec;
import org.sparklora.worker.train.TrainStep;
import scala.collection.JavaConverters;
import scala.runtime.AbstractFunction1;

/**
 * One rank of a barrier stage: meets the others once, then does every step of the segment with them. Each rank holds the
 * whole training state and updates it with the same total, so all end with the same bits.
 */
public final class SegmentTask
        extends AbstractFunction1<scala.collection.Iterator<CachedShard>, scala.collection.Iterator<SegmentResult>>
        implements Serializable {

    private static final long serialVersionUID = 1L;

    private final Broadcast<EpochContext> context;
    private final byte[] state;
    private final SegmentPlan segment;

    /**
     * @param state encoded training state before the segment
     */
    public SegmentTask(Broadcast<EpochContext> context, byte[] state, SegmentPlan segment) {
        this.context = context;
        this.state = state;
        this.segment = segment;
    }

    @Override
    public scala.collection.Iterator<SegmentResult> apply(scala.collection.Iterator<CachedShard> shards) {
        List<CachedShard> mine = new ArrayList<>();
        while (shards.hasNext()) {
            mine.add(shards.next());
        }
        Iterator<SegmentResult> result = List.of(run(mine)).iterator();
        return JavaConverters.asScalaIteratorConverter(result).asScala();
    }

    private SegmentResult run(List<CachedShard> shards) {
        PhaseClock clock = new PhaseClock();
        BarrierTaskContext task = BarrierTaskContext.get();
        EpochContext epoch = context.value();
        ShardPlan plan = epoch.plan().shards();
        int self = task.partitionId();
        RankMap ranks = new RankMap(plan.shards(), task.getTaskInfos().length);
        requireShards(shards, ranks, self);

        TrainState training = TrainState.restore(epoch.plan().manifest(), TrainStateCodec.decodeState(state));
        TrainStep step = new TrainStep(training, epoch.plan().freezePlan(), segment.optimizer());
        int floats = epoch.plan().freezePlan().trainableParameters();
        long firstStep = segment.steps().firstGlobal() + segment.steps().from();
        Mailbox mailbox = new Mailbox(segment.stage(), floats, ranks, self, firstStep);
        clock.lap(Phase.DATA);
        String host = host(task.getTaskInfos()[self].address());
        SparkEnv env = SparkEnv.get();
        try (SparkTransport links = SparkTransport.listen(env.conf(), env.securityManager(), host, mailbox)) {
            // A stage that Spark does again has the plan of the first attempt, and other addresses.
            String stage = segment.stage() + "/" + task.stageAttemptNumber();
            links.connect(segment.meeting()
                    .meet(env, new Rendezvous.RankRegistration(stage, self, ranks.ranks(), links.address())));
            clock.lap(Phase.WAITING);
            TreeAllReduce reduce =
                    new TreeAllReduce(segment.stage(), floats, ranks, self, mailbox, links, segment.deadline());
            try {
                Steps steps = steps(
                        step,
                        shards,
                        new Exchange(reduce, mailbox, clock),
                        self == 0 ? ExecutorProgressPlugin::tell : unsaid -> {});
                long waited = mailbox.waitedNanos();
                reduce.finish();
                clock.lap(Phase.EXCHANGE);
                clock.move(Phase.EXCHANGE, Phase.WAITING, mailbox.waitedNanos() - waited);
                return new SegmentResult(
                        self,
                        links.address(),
                        digests(training),
                        self == 0 ? steps.reports() : List.of(),
                        self == 0 ? TrainStateCodec.encode(training.capture()) : null,
                        steps.diverged(),
                        clock.times());
            } catch (RuntimeException | Error e) {
                reduce.leave(e);
                throw e;
            }
        }
    }

    /** What the steps of a segment showed, and why they ended early if they did. */
    private record Steps(List<StepReport> reports, @Nullable String diverged) {}

    /** What sums travel by, and the rank's stopwatch. */
    private record Exchange(TreeAllReduce reduce, Mailbox mailbox, PhaseClock clock) {

        ShardSum sum(Map<Integer, ShardSum> sums) {
            long waited = mailbox.waitedNanos();
            ShardSum total = reduce.sum(sums);
            clock.lap(Phase.EXCHANGE);
            clock.move(Phase.EXCHANGE, Phase.WAITING, mailbox.waitedNanos() - waited);
            return total;
        }
    }

    private Steps steps(TrainStep step, List<CachedShard> shards, Exchange exchange, Consumer<StepProgress> told) {
        EpochContext epoch = context.value();
        PhaseClock clock = exchange.clock();
        ShardTree tree = new ShardTree(epoch.plan().shards().shards());
        GradientExchange sum = (k, live) -> {
            clock.lap(Phase.OPTIMIZER);
            Map<Integer, ShardSum> sums = new TreeMap<>();
            for (CachedShard shard : shards) {
                sums.put(tree.leaf(shard.index()), epoch.sum(shard, k, live, clock));
            }
            return exchange.sum(sums);
        };
        List<StepReport> reports = new ArrayList<>();
        SegmentProgress news = new SegmentProgress(segment, told);
        try {
            for (int k = segment.steps().from(); k < segment.steps().to(); k++) {
                StepReport report = step.run(segment.steps().firstGlobal() + k, k, sum);
                reports.add(report);
                news.done(report);
            }
            clock.lap(Phase.OPTIMIZER);
            return new Steps(reports, null);
        } catch (DivergedException e) {
            // Every rank has the same sum and stops at the same step; the steps before it count.
            return new Steps(reports, e.getMessage());
        }
    }

    private static void requireShards(List<CachedShard> shards, RankMap ranks, int self) {
        int due = ranks.firstShard(self + 1) - ranks.firstShard(self);
        boolean right = shards.size() == due && shards.stream().allMatch(s -> ranks.rankOf(s.index()) == self);
        if (!right) {
            throw new IllegalStateException("rank " + self + " of " + ranks.ranks() + " holds the shards "
                    + shards.stream().map(CachedShard::index).toList() + ", but " + due + " from "
                    + ranks.firstShard(self) + " on are its own");
        }
    }

    /** SHA-256 of each group's values that are not dormant: equal on every rank, or something is broken. */
    private static java.util.SortedMap<String, String> digests(TrainState training) {
        AdapterSnapshot snapshot = training.snapshot();
        LoraManifest manifest = training.manifest();
        TreeMap<String, String> digests = new TreeMap<>();
        for (String group : manifest.names()) {
            if (training.freeze().of(group) != GroupState.DORMANT) {
                Set<String> names = new TreeSet<>();
                manifest.tensors(group).stream().map(TensorSpec::name).forEach(names::add);
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
