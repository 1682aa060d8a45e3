package org.sparklora.worker.spark;

import java.io.Serializable;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.apache.spark.SerializableWritable;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.sparklora.worker.allreduce.ShardTree;
import org.sparklora.worker.contract.PackedFloats;
import org.sparklora.worker.contract.Phase;
import org.sparklora.worker.contract.PhaseClock;
import org.sparklora.worker.contract.ShardSum;
import scala.Function2;
import scala.collection.JavaConverters;

/**
 * One optimizer step on one task: computes the gradients of its shards, and adds those that form complete subtrees.
 *
 * <p>Spark can run it as a job as it is. Of lambdas, it would read the byte code at every step.
 *
 * @param step step within the epoch
 * @param trainable values of the trainable tensors, flattened
 */
public record StepTask(Shared<EpochContext> context, int step, Values trainable)
        implements Function2<
                        TaskContext,
                        scala.collection.Iterator<CachedShard>,
                        SerializableWritable<JavaSerialized<StepPart>>>,
                FlatMapFunction<Iterator<CachedShard>, StepPart> {

    /** Values that travel with each task, or in a broadcast, which costs more messages but is read once by each JVM. */
    public interface Values extends Supplier<PackedFloats>, Serializable {}

    @Override
    public SerializableWritable<JavaSerialized<StepPart>> apply(
            TaskContext task, scala.collection.Iterator<CachedShard> shards) {
        return JavaSerialized.of(run(JavaConverters.asJavaIterator(shards)));
    }

    @Override
    public Iterator<StepPart> call(Iterator<CachedShard> shards) {
        return List.of(run(shards)).iterator();
    }

    private StepPart run(Iterator<CachedShard> shards) {
        PhaseClock clock = new PhaseClock();
        EpochContext epoch = context.value();
        ShardTree tree = new ShardTree(epoch.plan().shards().shards());
        float[] values = trainable.get().values();
        Map<Integer, ShardSum> sums = new TreeMap<>();
        while (shards.hasNext()) {
            CachedShard shard = shards.next();
            sums.put(
                    tree.leaf(shard.index()),
                    epoch.pass().sum(values, step, shard.index(), epoch.microbatches(shard, step), clock));
        }
        SortedMap<Integer, ShardSum> nodes = tree.combine(sums, ShardSum::add);
        clock.lap(Phase.EXCHANGE);
        return new StepPart(nodes, clock.times());
    }
}
