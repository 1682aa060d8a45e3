package org.sparklora.worker.spark;

import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.sparklora.worker.allreduce.ShardTree;
import org.sparklora.worker.contract.Phase;
import org.sparklora.worker.contract.PhaseClock;
import org.sparklora.worker.contract.ShardSum;

/**
 * One optimizer step on one task: computes the gradients of its shards, and adds those that form complete subtrees.
 *
 * @param step step within the epoch
 * @param trainable values of the trainable tensors, flattened
 */
@SuppressWarnings("ArrayRecordComponent") // tasks are never compared
public record StepTask(Shared<EpochContext> context, int step, float[] trainable)
        implements FlatMapFunction<Iterator<CachedShard>, StepPart> {

    @Override
    public Iterator<StepPart> call(Iterator<CachedShard> shards) {
        PhaseClock clock = new PhaseClock();
        EpochContext epoch = context.value();
        ShardTree tree = new ShardTree(epoch.plan().shards().shards());
        Map<Integer, ShardSum> sums = new TreeMap<>();
        while (shards.hasNext()) {
            CachedShard shard = shards.next();
            sums.put(
                    tree.leaf(shard.index()),
                    epoch.pass().sum(trainable, step, shard.index(), epoch.microbatches(shard, step), clock));
        }
        SortedMap<Integer, ShardSum> nodes = tree.combine(sums, ShardSum::add);
        clock.lap(Phase.EXCHANGE);
        return List.of(new StepPart(nodes, clock.times())).iterator();
    }
}
