package org.sparklora.worker.spark;

import java.util.Iterator;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.util.LongAccumulator;
import org.sparklora.worker.contract.CachePlan;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.train.TrunkPass;

/** Computes the trunk activations that a plan caches, shard by shard as Spark stores them. */
public final class TrunkTask implements FlatMapFunction<Iterator<CachedShard>, CachedShard> {

    private static final long serialVersionUID = 1L;

    private final Broadcast<EpochContext> context;
    private final CacheStorage storage;
    private final LongAccumulator rows;

    /**
     * Computes activations.
     *
     * @param rows counts finished rows
     */
    public TrunkTask(Broadcast<EpochContext> context, CacheStorage storage, LongAccumulator rows) {
        this.context = context;
        this.storage = storage;
        this.rows = rows;
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
                return cached(shards.next().rows());
            }
        };
    }

    private CachedShard cached(Shard shard) {
        EpochContext epoch = context.value();
        EpochPlan plan = epoch.plan();
        CachePlan cache = plan.cache();
        BaseModel base = epoch.base();
        TrunkPass pass =
                new TrunkPass(base, epoch.run().head(), plan, epoch.run().padTokenId());
        int[] vectors = new int[shard.size()];
        for (int i = 0; i < vectors.length; i++) {
            vectors[i] = pass.vectors(shard.example(i).length());
        }
        int hidden = base.encoder().hiddenSize();
        ActivationLayout layout = ActivationLayout.of(cache.digest(), cache.precision(), storage, hidden, vectors);
        try (CachedActivations.Builder activations = new CachedActivations.Builder(layout)) {
            pass.run(shard, (position, values, from, count) -> {
                activations.put(position, values, from, count);
                rows.add(1);
            });
            return new CachedShard(shard, activations.build());
        }
    }
}
