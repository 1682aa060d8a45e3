package org.sparklora.driver.cluster;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.sparklora.driver.run.loop.EpochRunner;
import org.sparklora.worker.allreduce.ShardTree;
import org.sparklora.worker.contract.Phase;
import org.sparklora.worker.contract.PhaseTimes;
import org.sparklora.worker.contract.ShardSum;
import org.sparklora.worker.spark.CachedShard;
import org.sparklora.worker.spark.EpochContext;
import org.sparklora.worker.spark.StepPart;
import org.sparklora.worker.spark.StepTask;
import org.sparklora.worker.spark.SubtreeSum;
import org.sparklora.worker.train.StepReport;
import org.sparklora.worker.train.TrainStep;

/**
 * The {@code driver} exchange: one ordinary Spark job per optimizer step. Tasks answer with the sums of the subtrees
 * they hold; the driver adds the rest of the tree. Works with dynamic allocation and without barrier slots.
 */
final class DriverExchange implements EpochRunner.Epoch {

    private final JavaSparkContext spark;
    private final JavaRDD<CachedShard> shards;
    private final Broadcast<EpochContext> context;
    private final ShardTree tree;
    private final TrainStep step;
    private final Retries retries;
    private PhaseTimes times = PhaseTimes.NONE;

    /** Nanoseconds in which the driver had handed the steps to executors. */
    private long exchanging;

    /**
     * @param shards in as many partitions as there are tasks
     */
    DriverExchange(
            JavaSparkContext spark,
            JavaRDD<CachedShard> shards,
            Broadcast<EpochContext> context,
            TrainStep step,
            Retries retries) {
        this.spark = spark;
        this.shards = shards;
        this.context = context;
        this.step = step;
        this.retries = retries;
        this.tree = new ShardTree(context.value().plan().shards().shards());
    }

    @Override
    public int run(int from, int to, long firstGlobal, Consumer<List<StepReport>> done) {
        for (int k = from; k < to; k++) {
            Retries.Place at = new Retries.Place(context.value().plan().epoch(), firstGlobal + k);
            long began = System.nanoTime();
            long before = exchanging;
            StepReport report = step.run(firstGlobal + k, k, (s, live) -> exchange(at, s, live));
            times = times.plus(Phase.OPTIMIZER, System.nanoTime() - began - (exchanging - before));
            done.accept(List.of(report));
        }
        return to;
    }

    /** The sums of a step, attempts that failed included: their time is counted as nothing that a step spends it on. */
    private ShardSum exchange(Retries.Place at, int step, float[] live) {
        long began = System.nanoTime();
        try {
            return retries.run(at, (ranks, failures) -> sum(step, live));
        } finally {
            exchanging += System.nanoTime() - began;
        }
    }

    private ShardSum sum(int step, float[] live) {
        spark.sc().setJobDescription("epoch " + context.value().plan().epoch() + " step " + step);
        long began = System.nanoTime();
        Map<Integer, ShardSum> sums = new TreeMap<>();
        List<StepPart> parts =
                shards.mapPartitions(new StepTask(context, step, live)).collect();
        PhaseTimes tasks = PhaseTimes.NONE;
        for (StepPart part : parts) {
            tasks = tasks.plus(part.times());
            for (SubtreeSum node : part.sums()) {
                sums.put(node.node(), node.sum());
            }
        }
        ShardSum total = tree.total(sums, ShardSum::add);
        count(tasks.dividedBy(parts.size()), System.nanoTime() - began);
        return total;
    }

    /** What a job takes beyond its tasks' own work is exchange here: Spark's part of it, and waiting for the slowest. */
    private void count(PhaseTimes task, long jobNanos) {
        times = times.plus(task).plus(Phase.EXCHANGE, Math.max(0, jobNanos - task.allNanos()));
    }

    @Override
    public PhaseTimes times() {
        return times;
    }

    @Override
    public void close() {
        // Without waiting: the values leave the executors before the next epoch needs the room.
        context.destroy();
    }
}
