package org.sparklora.driver.cluster;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.sparklora.worker.allreduce.RankMap;

/**
 * Which executor each rank should run on, so that most shards stay where they are, and which shards move for that. Ranks hold
 * consecutive shards, so a change of their number moves more than a lost executor held, but not everything.
 *
 * @param holders the executor that holds each shard; empty for none
 * @param executors the executor for each rank; empty for any
 */
record ShardMoves(RankMap map, List<String> holders, List<String> executors) implements Serializable {

    ShardMoves {
        holders = List.copyOf(holders);
        executors = List.copyOf(executors);
    }

    /** Shards of a rank that an executor holds. */
    private record Overlap(int rank, String executor, int shards) {}

    /**
     * Assigns ranks to executors, those that find most of their shards there first. The same cluster gives the same assignment.
     *
     * @param executors the executors that are there
     * @param slots ranks that an executor can run at once
     */
    static ShardMoves plan(RankMap map, List<String> holders, List<String> executors, int slots) {
        List<Overlap> overlaps = new ArrayList<>();
        for (int rank = 0; rank < map.ranks(); rank++) {
            Map<String, Integer> held = new TreeMap<>();
            holders.subList(map.firstShard(rank), map.firstShard(rank + 1))
                    .forEach(e -> held.merge(e, 1, Integer::sum));
            for (Map.Entry<String, Integer> executor : held.entrySet()) {
                overlaps.add(new Overlap(rank, executor.getKey(), executor.getValue()));
            }
        }
        // The sort is stable: equal overlaps stay in the order of rank and executor.
        overlaps.sort(Comparator.comparingInt(Overlap::shards).reversed());
        Map<Integer, String> assigned = new TreeMap<>();
        Map<String, Integer> taken = new TreeMap<>();
        executors.forEach(executor -> taken.put(executor, 0));
        for (Overlap overlap : overlaps) {
            if (!assigned.containsKey(overlap.rank()) && taken.getOrDefault(overlap.executor(), slots) < slots) {
                assigned.put(overlap.rank(), overlap.executor());
                taken.merge(overlap.executor(), 1, Integer::sum);
            }
        }
        List<String> ofRanks = new ArrayList<>();
        for (int rank = 0; rank < map.ranks(); rank++) {
            // Without a place of its own, a rank could run on the executor of another one, which would then have to
            // wait.
            if (!assigned.containsKey(rank) && !taken.isEmpty()) {
                String idle = Collections.min(taken.keySet(), Comparator.comparing(taken::get));
                assigned.put(rank, idle);
                taken.merge(idle, 1, Integer::sum);
            }
            ofRanks.add(assigned.getOrDefault(rank, ""));
        }
        return new ShardMoves(map, holders, ofRanks);
    }

    /** Whether the executor that holds a shard is not the one that needs it. */
    boolean moves(int shard) {
        String holder = holders.get(shard);
        return !holder.isEmpty() && !holder.equals(executors.get(map.rankOf(shard)));
    }
}
