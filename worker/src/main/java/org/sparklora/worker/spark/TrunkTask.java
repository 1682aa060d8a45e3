package org.sparklora.worker.spark;

import java.util.Iterator;
import java.util.stream.IntStream;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.apache.spark.util.LongAccumulator;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.train.TrunkPass;

/**
 * Computes the trunk activations that a plan caches, shard by shard as Spark stores them.
 *
 * @param rows counts finished rows
 */
public record TrunkTask(Shared<EpochContext> context, CacheStorage storage, LongAccumulator rows)
        implements FlatMapFunction<Iterator<CachedShard>, CachedShard> {

    /** The same with a broadcast of its own. */
    public TrunkTask again(JavaSparkContext spark) {
        return new TrunkTask(Shared.of(spark, context.value()), storage, rows);
    }

    @Override
    public Iterator<CachedShard> call(Iterator<CachedShard> shards) {
        return new Iterator<>() {
            @Override
            public boolean hasNext() {
                return shards.hasNext();
            }

            @Override
            public CachedShard next() {
                return cached(context.value(), shards.next().rows(), storage, () -> rows.add(1));
            }
        };
    }

    /**
     * Computes the activations of a shard.
     *
     * @param row is called after each row
     */
    static CachedShard cached(EpochContext epoch, Shard shard, CacheStorage storage, Runnable row) {
        EpochPlan plan = epoch.plan();
        BaseModel base = epoch.base();
        TrunkPass pass =
                new TrunkPass(base, epoch.run().head(), plan, epoch.run().padTokenId());
        int[] vectors = IntStream.range(0, shard.size())
                .map(position -> pass.vectors(shard.length(position)))
                .toArray();
        CachedActivations.Builder activations = new CachedActivations.Builder(
                plan.cache(), storage, base.encoder().hiddenSize(), vectors);
        pass.run(shard, (position, values, from, count) -> {
            activations.put(position, values, from, count);
            row.run();
        });
        return new CachedShard(shard, activations.build());
    }
}
