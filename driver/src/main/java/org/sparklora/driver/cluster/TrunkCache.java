package org.sparklora.driver.cluster;

import java.util.List;
import java.util.Locale;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.util.LongAccumulator;
import org.sparklora.driver.job.config.ActivationCache;
import org.sparklora.driver.run.loop.CacheListener;
import org.sparklora.driver.run.loop.CacheListener.CacheStats;
import org.sparklora.worker.contract.CachePlan;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.data.TextStatistics;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.spark.CacheStorage;
import org.sparklora.worker.spark.EpochContext;
import org.sparklora.worker.spark.RunContext;

/** Sees to it that training and validation rows hold what a plan's cache asks for, and nothing that an older one did. */
final class TrunkCache {

    private final JavaSparkContext spark;
    private final RunContext run;
    private final Retries retries;
    private final CacheRequest wish;
    private final List<DataSet> data;

    /**
     * What is asked for.
     *
     * @param where in memory, on disk, or wherever there is room
     */
    record CacheRequest(ActivationCache where, Encoder encoder, CacheListener listener) {}

    /** Rows of one kind. */
    record DataSet(ShardPlacement shards, TextStatistics statistics) {}

    TrunkCache(JavaSparkContext spark, RunContext run, Retries retries, CacheRequest wish, List<DataSet> data) {
        this.spark = spark;
        this.run = run;
        this.retries = retries;
        this.wish = wish;
        this.data = List.copyOf(data);
    }

    /** Keeps what the plan asks for; does nothing where it is kept already. */
    void prepare(EpochPlan plan) {
        CachePlan cache = plan.cache();
        if (!cache.isOn()) {
            data.forEach(set -> set.shards().drop());
            return;
        }
        if (data.stream().allMatch(set -> set.shards().holds(cache))) {
            return;
        }
        long bytes =
                data.stream().mapToLong(set -> bytes(cache, set.statistics())).sum();
        CacheStorage storage = StorageBudget.choose(spark, wish.where(), bytes);
        CacheStats what = new CacheStats(
                plan.epoch(),
                wish.encoder().stageName(cache.layerIndex()),
                data.stream().mapToLong(set -> set.statistics().examples()).sum(),
                bytes,
                cache.precision().name().toLowerCase(Locale.ROOT),
                storage.name().toLowerCase(Locale.ROOT));
        wish.listener().cachingStarted(what);
        long began = System.nanoTime();
        Retries.Place at = new Retries.Place(
                plan.epoch(), (long) plan.epoch() * plan.shards().stepsPerEpoch());
        retries.run(at, (ranks, failures) -> {
            keep(plan, storage, what, ranks);
            return true;
        });
        wish.listener().cachingFinished(what, (System.nanoTime() - began) / 1e9);
    }

    private void keep(EpochPlan plan, CacheStorage storage, CacheStats what, int ranks) {
        spark.sc().setJobDescription("epoch " + plan.epoch() + " keeps what enters " + what.entering());
        LongAccumulator rows = spark.sc().longAccumulator("rows kept");
        TaskProgress.watch(spark, rows, done -> wish.listener().cachingProgressed(what, done), () -> {
            for (DataSet set : data) {
                // An attempt that failed may have kept one of them.
                if (!set.shards().holds(plan.cache())) {
                    set.shards().keep(new EpochContext(run, plan), storage, rows, ranks);
                }
            }
        });
    }

    /** Bytes of a hidden state for each token, or for each row where the first token alone goes on. */
    private long bytes(CachePlan cache, TextStatistics statistics) {
        boolean first = wish.encoder().firstTokenEnters(cache.layerIndex());
        long vectors = first ? statistics.examples() : statistics.tokens();
        return vectors * wish.encoder().hiddenSize() * cache.precision().bytes();
    }
}
