package org.sparklora.driver.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparklora.worker.allreduce.RankMap;

/** A cluster that changes: what moves is what another executor needs. */
class ShardMovesTest {

    private static final int SHARDS = 128;

    /** Which executor holds each shard, and how many shards moved so far. */
    private static final class Cluster {

        private List<String> holders = Collections.nCopies(SHARDS, "");
        private int moved;

        /** The ranks run on these executors from now on. */
        void use(List<String> executors) {
            List<String> left = holders.stream()
                    .map(holder -> executors.contains(holder) ? holder : "")
                    .toList();
            RankMap map = new RankMap(SHARDS, executors.size());
            ShardMoves moves = ShardMoves.plan(map, left, executors, 1);
            assertThat(moves).isEqualTo(ShardMoves.plan(map, left, executors, 1));
            assertThat(moves.executors()).containsExactlyInAnyOrderElementsOf(executors);
            holders = IntStream.range(0, SHARDS)
                    .mapToObj(shard -> moves.executors().get(map.rankOf(shard)))
                    .toList();
            for (int shard = 0; shard < SHARDS; shard++) {
                boolean changesHands =
                        !left.get(shard).isEmpty() && !left.get(shard).equals(holders.get(shard));
                assertThat(moves.moves(shard)).isEqualTo(changesHands);
                moved += changesHands ? 1 : 0;
            }
        }
    }

    private static List<String> executors(int count) {
        return IntStream.range(0, count).mapToObj(e -> "executor_host_" + e).toList();
    }

    @Test
    void withoutAChangeNothingMoves() {
        Cluster cluster = new Cluster();
        for (int i = 0; i < 3; i++) {
            cluster.use(executors(5));
        }
        assertThat(cluster.moved).isZero();
    }

    @Test
    void aReplacedExecutorMovesNothing() {
        Cluster cluster = new Cluster();
        cluster.use(executors(8));
        List<String> others = new ArrayList<>(executors(8));
        others.set(3, "executor_host_8");
        cluster.use(others);
        assertThat(cluster.moved).isZero();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5})
    void aChangeAMinuteForAnHourMovesWhatChangesHands(int seed) {
        Random random = new Random(seed);
        Cluster cluster = new Cluster();
        List<String> all = new ArrayList<>(executors(8));
        cluster.use(all);
        int next = 8;
        for (int change = 0; change < 60; change++) {
            if (change % 2 == 0) {
                all.remove(random.nextInt(all.size()));
            } else {
                all.add("executor_host_" + next++);
            }
            Collections.shuffle(all, random);
            cluster.use(all);
        }
        // Before, each change moved all 128 shards. Ranks hold consecutive shards, so about a fourth must move.
        assertThat(cluster.moved).isLessThan(60 * SHARDS * 3 / 10);
    }

    @Test
    void anExecutorGetsNoMoreRanksThanItHasSlots() {
        List<String> one = List.of("executor_a_1");
        List<String> two = List.of("executor_a_1", "executor_b_2");
        ShardMoves moves = ShardMoves.plan(new RankMap(8, 4), Collections.nCopies(8, "executor_a_1"), two, 2);
        assertThat(moves.executors()).containsExactly("executor_a_1", "executor_a_1", "executor_b_2", "executor_b_2");
        assertThat(IntStream.range(0, 8).filter(moves::moves)).containsExactly(4, 5, 6, 7);
        // A holder that is gone counts no more, and Spark says when there are too few slots.
        assertThat(ShardMoves.plan(new RankMap(8, 4), Collections.nCopies(8, "executor_b_2"), one, 2)
                        .executors())
                .containsOnly("executor_a_1");
        assertThat(ShardMoves.plan(new RankMap(8, 4), Collections.nCopies(8, ""), List.of(), 2)
                        .executors())
                .containsOnly("");
    }
}
