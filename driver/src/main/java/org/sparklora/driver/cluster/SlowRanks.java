package org.sparklora.driver.cluster;

import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.sparklora.driver.run.loop.RunListener.SlowRank;
import org.sparklora.worker.allreduce.RankMap;
import org.sparklora.worker.spark.SegmentResult;

/**
 * Finds the host that the ranks of an epoch wait for. A step takes as long as its slowest rank, so what that one computes longer
 * than the middle one is lost on all others.
 */
final class SlowRanks {

    /** Shorter waits, in seconds, are not worth a line. */
    private static final double MIN_SECONDS = 10;

    /** The share of the computing time from which a rank is slow. Ranks always differ a little. */
    private static final double MIN_SHARE = 0.2;

    private final int shards;
    private final Map<String, SlowRank> byHost = new HashMap<>();
    private double computing;

    SlowRanks(int shards) {
        this.shards = shards;
    }

    /** Counts a segment, with the results of all its ranks. */
    void add(List<SegmentResult> results) {
        List<SegmentResult> ordered = results.stream()
                .sorted(Comparator.comparingLong(result -> result.times().passNanos()))
                .toList();
        SegmentResult slowest = ordered.get(ordered.size() - 1);
        double seconds = seconds(slowest);
        double lost = seconds - seconds(ordered.get((ordered.size() - 1) / 2));
        computing += seconds;
        String host = slowest.host().substring(0, slowest.host().lastIndexOf(':'));
        RankMap map = new RankMap(shards, results.size());
        int own = map.firstShard(slowest.rank() + 1) - map.firstShard(slowest.rank());
        double before = byHost.containsKey(host) ? byHost.get(host).seconds() : 0;
        byHost.put(host, new SlowRank(host, slowest.rank(), own, before + lost));
    }

    private static double seconds(SegmentResult result) {
        return result.times().passNanos() / 1e9;
    }

    /** The host that cost most, if that is worth naming. */
    Optional<SlowRank> worst() {
        return byHost.values().stream()
                .max(Comparator.comparingDouble(SlowRank::seconds))
                .filter(slow -> slow.seconds() >= MIN_SECONDS && slow.seconds() >= MIN_SHARE * computing);
    }
}
