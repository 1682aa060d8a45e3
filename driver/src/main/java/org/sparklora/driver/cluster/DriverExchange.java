package org.sparklora.driver.cluster;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.apache.spark.SerializableWritable;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.sparklora.driver.run.loop.EpochRunner;
import org.sparklora.driver.run.loop.LostExecutor.RunPhase;
import org.sparklora.worker.allreduce.ShardTree;
import org.sparklora.worker.contract.PackedFloats;
import org.sparklora.worker.contract.Phase;
import org.sparklora.worker.contract.PhaseTimes;
import org.sparklora.worker.contract.ShardSum;
import org.sparklora.worker.spark.CachedShard;
import org.sparklora.worker.spark.EpochContext;
import org.sparklora.worker.spark.JavaSerialized;
import org.sparklora.worker.spark.Shared;
import org.sparklora.worker.spark.StepPart;
import org.sparklora.worker.spark.StepTask;
import org.sparklora.worker.train.StepReport;
import org.sparklora.worker.train.TrainStep;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;

/**
 * The {@code driver} exchange: one ordinary Spark job for each optimizer step. Tasks return the sums of their complete
 * subtrees; the driver adds the rest of the tree, or executors do, where the sums are too large for the driver. Supports
 * dynamic allocation, and needs no barrier slots.
 */
final class DriverExchange implements EpochRunner.Epoch {

    private static final ClassTag<SerializableWritable<JavaSerialized<StepPart>>> RESULT =
            ClassTag$.MODULE$.apply(SerializableWritable.class);

    private final JavaSparkContext spark;
    private final JavaRDD<CachedShard> shards;
    private final Shared<EpochContext> context;
    private final ShardTree tree;
    private final TrainStep step;
    private final Retries retries;

    /** How executors add the sums; empty if they are few enough for the driver. */
    private final Optional<RangeReduction> reduction;

    private PhaseTimes times = PhaseTimes.NONE;

    /** Nanoseconds that the driver waited for Spark jobs. */
    private long exchanging;

    /**
     * Creates the exchange of one epoch.
     *
     * @param shards shards, in as many partitions as tasks
     */
    DriverExchange(
            JavaSparkContext spark,
            JavaRDD<CachedShard> shards,
            Shared<EpochContext> context,
            TrainStep step,
            Retries retries) {
        this.spark = spark;
        this.shards = shards;
        this.context = context;
        this.step = step;
        this.retries = retries;
        this.tree = new ShardTree(context.value().plan().shards().shards());
        this.reduction = RangeReduction.of(
                spark,
                tree,
                shards.getNumPartitions(),
                context.value().plan().freezePlan().trainableParameters());
    }

    @Override
    public int run(int from, int to, long firstGlobal, Consumer<List<StepReport>> done) {
        for (int k = from; k < to; k++) {
            Retries.RunStep at = new Retries.RunStep(
                    RunPhase.TRAINING, context.value().plan().epoch(), firstGlobal + k);
            long began = System.nanoTime();
            long before = exchanging;
            StepReport report = step.run(firstGlobal + k, k, (s, trainable) -> exchange(at, s, trainable));
            times = times.plus(Phase.OPTIMIZER, System.nanoTime() - began - (exchanging - before));
            done.accept(List.of(report));
        }
        return to;
    }

    /** Computes the sums of a step. The time of failed attempts is not part of any phase. */
    private ShardSum exchange(Retries.RunStep at, int step, float[] trainable) {
        long began = System.nanoTime();
        try {
            return retries.run(at, (ranks, failures) -> sum(step, trainable));
        } finally {
            exchanging += System.nanoTime() - began;
        }
    }

    private ShardSum sum(int step, float[] trainable) {
        spark.sc().setJobDescription("epoch " + context.value().plan().epoch() + " step " + step);
        long began = System.nanoTime();
        PackedFloats values = new PackedFloats(trainable);
        StepPart total = reduction.isPresent()
                ? onExecutors(step, values, reduction.get())
                : onDriver(new StepTask(context, step, () -> values));
        count(total.times().dividedBy(shards.getNumPartitions()), System.nanoTime() - began);
        return total.sum();
    }

    @SuppressWarnings("unchecked") // Spark returns an array of the class tag's class
    private StepPart onDriver(StepTask task) {
        SerializableWritable<JavaSerialized<StepPart>>[] parts =
                (SerializableWritable<JavaSerialized<StepPart>>[]) spark.sc().runJob(shards.rdd(), task, RESULT);
        return StepPart.total(tree, JavaSerialized.values(Arrays.asList(parts)).iterator());
    }

    private StepPart onExecutors(int step, PackedFloats values, RangeReduction adds) {
        Shared<PackedFloats> shared = Shared.of(spark, values);
        try {
            return adds.total(shards.mapPartitions(new StepTask(context, step, shared::value)));
        } finally {
            shared.destroy(false);
        }
    }

    /** The job's time beyond the work of its tasks counts as exchange: Spark's overhead and waiting for the slowest task. */
    private void count(PhaseTimes task, long jobNanos) {
        times = times.plus(task).plus(Phase.EXCHANGE, Math.max(0, jobNanos - task.allNanos()));
    }

    @Override
    public PhaseTimes times() {
        return times;
    }

    @Override
    public void close() {
        // Executors drop the values before the next epoch needs the memory; there is no need to wait for that.
        context.destroy(false);
    }
}
