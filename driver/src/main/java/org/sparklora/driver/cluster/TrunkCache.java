package org.sparklora.driver.cluster;

import java.util.List;
import java.util.Locale;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.util.LongAccumulator;
import org.sparklora.driver.job.config.ActivationCache;
import org.sparklora.driver.run.loop.LostExecutor.RunPhase;
import org.sparklora.driver.run.loop.RunListener;
import org.sparklora.driver.run.loop.RunListener.CacheStats;
import org.sparklora.worker.contract.CachePlan;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.data.TextStatistics;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.spark.CacheStorage;
import org.sparklora.worker.spark.EpochContext;
import org.sparklora.worker.spark.RunContext;

/** Caches the trunk activations that a plan asks for with the training and validation rows, and drops older ones. */
record TrunkCache(JavaSparkContext spark, RunContext run, Retries retries, CacheRequest request, List<DataSet> data) {

    /**
     * What the job asks for.
     *
     * @param where in memory, on disk, or where there is room
     */
    record CacheRequest(ActivationCache where, Encoder encoder, RunListener listener) {}

    /** Training or validation rows. */
    record DataSet(ShardPlacement shards, TextStatistics statistics) {}

    /** Fills the cache for a plan, unless it holds the plan's activations already. */
    void prepare(EpochPlan plan) {
        CachePlan cache = plan.cache();
        if (!cache.isOn()) {
            data.forEach(set -> set.shards().dropCache(false));
            return;
        }
        if (data.stream().allMatch(set -> set.shards().hasCached(cache))) {
            return;
        }
        long bytes =
                data.stream().mapToLong(set -> bytes(cache, set.statistics())).sum();
        CacheStorage storage = StorageBudget.choose(spark, request.where(), bytes);
        CacheStats stats = new CacheStats(
                plan.epoch(),
                request.encoder().layerName(cache.layerIndex()),
                data.stream().mapToLong(set -> set.statistics().examples()).sum(),
                bytes,
                cache.type().name().toLowerCase(Locale.ROOT),
                storage.name().toLowerCase(Locale.ROOT));
        request.listener().cachingStarted(stats);
        long began = System.nanoTime();
        Retries.RunStep at = new Retries.RunStep(
                RunPhase.CACHING,
                plan.epoch(),
                (long) plan.epoch() * plan.shards().stepsPerEpoch());
        retries.run(at, (ranks, failures) -> {
            fill(plan, storage, stats, ranks);
            return true;
        });
        request.listener().cachingFinished(stats, (System.nanoTime() - began) / 1e9);
    }

    private void fill(EpochPlan plan, CacheStorage storage, CacheStats stats, int ranks) {
        spark.sc().setJobDescription("epoch " + plan.epoch() + " caches activations below " + stats.entering());
        LongAccumulator rows = spark.sc().longAccumulator("cached rows");
        TaskProgress.watch(spark, rows, done -> request.listener().cachingProgressed(stats, done), () -> {
            for (DataSet set : data) {
                // A failed attempt may have cached one of the data sets.
                if (!set.shards().hasCached(plan.cache())) {
                    set.shards().cache(new EpochContext(run, plan), storage, rows, ranks);
                }
            }
        });
    }

    /** Bytes of one vector for each token, or for each row if the layer reads the first token alone. */
    private long bytes(CachePlan cache, TextStatistics statistics) {
        boolean first = request.encoder().firstTokenEnters(cache.layerIndex());
        long vectors = first ? statistics.examples() : statistics.tokens();
        return vectors * request.encoder().hiddenSize() * cache.type().bytes();
    }
}
