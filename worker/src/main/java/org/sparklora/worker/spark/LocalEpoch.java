package org.sparklora.worker.spark;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.sparklora.worker.allreduce.ShardTree;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.ShardSum;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.train.GradientExchange;

/**
 * An epoch of a run whose shards are all in the memory of one task. It computes what {@link StepTask}, {@link TrunkTask} and {@link
 * PredictTask} compute on a cluster, with the same code and the same tree of sums, so the bits are the same. Not thread-safe.
 */
public final class LocalEpoch {

    private final EpochContext epoch;

    /** @param base the base model of the run */
    public LocalEpoch(RunContext run, EpochPlan plan, BaseModel base) {
        this.epoch = new EpochContext(run, plan, base);
    }

    /** Sums loss and gradient over all shards of a step. */
    public GradientExchange exchange(List<CachedShard> shards) {
        ShardTree tree = new ShardTree(epoch.plan().shards().shards());
        return (step, trainable) -> {
            Map<Integer, ShardSum> sums = new TreeMap<>();
            for (CachedShard shard : shards) {
                sums.put(
                        tree.leaf(shard.index()),
                        epoch.pass().sum(trainable, step, shard.index(), epoch.microbatches(shard, step)));
            }
            return tree.total(sums, ShardSum::add);
        };
    }

    /** Computes the trunk activations that the plan caches, in the memory of the task. */
    public List<CachedShard> cached(List<Shard> shards) {
        return shards.stream()
                .map(shard -> TrunkTask.cached(epoch, shard, CacheStorage.MEMORY, () -> {}))
                .toList();
    }

    /** Scores the rows of each shard with the adapter of the plan. */
    public <T extends ShardScores> List<T> scores(List<CachedShard> shards, ShardScores.Factory<T> scores) {
        return shards.stream()
                .map(shard -> PredictTask.score(epoch, shard, scores))
                .toList();
    }
}
