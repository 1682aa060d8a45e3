package org.sparklora.worker.allreduce;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.ToLongFunction;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.sparklora.worker.contract.KeyedRandom;
import org.sparklora.worker.contract.Padding;
import org.sparklora.worker.contract.ShardSum;

/** The exchange between up to 200 ranks, in a {@link Simulation}. */
class ManyRanksTest {

    private static final Duration DEADLINE = Duration.ofMinutes(5);
    private static final int STEPS = 3;

    /** A simulated run. */
    private static final class Cluster {

        final RankMap map;
        final Simulation simulation;
        final ShardSum[] shards;
        final ShardSum expected;
        final List<String> ends;
        final boolean[] correct;
        final long[] endNanos;

        Cluster(int shards, int ranks, int floats) {
            this.map = new RankMap(shards, ranks);
            this.simulation = new Simulation(17);
            this.shards = IntStream.range(0, shards)
                    .mapToObj(shard -> shard(shard, floats))
                    .toArray(ShardSum[]::new);
            this.expected = new ShardTree(shards).total(sums(0, shards), ShardSum::add);
            this.ends = new ArrayList<>(Collections.nCopies(ranks, "never"));
            this.correct = new boolean[ranks];
            this.endNanos = new long[ranks];
            for (int rank = 0; rank < ranks; rank++) {
                simulation.add(7, floats, map);
            }
        }

        /** Values of mixed size, so that another order of additions gives other bits. */
        private static ShardSum shard(int shard, int floats) {
            float[] gradient = new float[floats];
            for (int i = 0; i < floats; i++) {
                long bits = KeyedRandom.mix(shard, i);
                gradient[i] = (int) bits * (float) (1 << (int) (bits >>> 60));
            }
            return new ShardSum(KeyedRandom.gaussian(shard, -1), shard + 0.5, 1, new Padding(7, 1), gradient);
        }

        private Map<Integer, ShardSum> sums(int from, int to) {
            Map<Integer, ShardSum> sums = new HashMap<>();
            for (int s = from; s < to; s++) {
                ShardSum of = shards[s];
                sums.put(
                        map.shards() + s,
                        new ShardSum(
                                of.loss(),
                                of.weight(),
                                of.examples(),
                                of.padding(),
                                of.gradient().clone()));
            }
            return sums;
        }

        /** Runs all ranks; {@code before} is called before a rank's part of each step. */
        void run(BiConsumer<Simulation.Rank, Integer> before) throws InterruptedException {
            simulation.run(rank -> {
                int self = rank.self;
                TreeAllReduce reduce =
                        new TreeAllReduce(7, expected.gradient().length, map, self, rank.mailbox, rank, DEADLINE);
                try {
                    boolean same = true;
                    for (int step = 0; step < STEPS; step++) {
                        before.accept(rank, step);
                        ShardSum total = reduce.sum(sums(map.firstShard(self), map.firstShard(self + 1)));
                        same &= Arrays.equals(total.gradient(), expected.gradient())
                                && total.loss() == expected.loss()
                                && total.weight() == expected.weight()
                                && total.examples() == expected.examples()
                                && total.padding().equals(expected.padding());
                    }
                    reduce.finish();
                    correct[self] = same;
                    ends.set(self, "done");
                } catch (RuntimeException e) {
                    reduce.leave(e);
                    ends.set(self, String.valueOf(e.getMessage()));
                }
                endNanos[self] = simulation.now();
                rank.close();
            });
        }

        long most(ToLongFunction<Simulation.Rank> of) {
            return IntStream.range(0, map.ranks())
                    .mapToLong(rank -> of.applyAsLong(simulation.rank(rank)))
                    .max()
                    .orElseThrow();
        }

        void requireTheBitsOfOne() {
            assertThat(ends).containsOnly("done");
            assertThat(correct).doesNotContain(false);
        }
    }

    private static void computesAtOnce(Simulation.Rank rank, int step) {}

    /** A gradient of 1 MB. With one root its rank would receive 2, 4 or 6 gradients and send 2. */
    @Test
    void bytesAndTimeStayConstantFrom4To64Ranks() throws Exception {
        int floats = 64 * Chunks.MIN_VALUES;
        List<Long> times = new ArrayList<>();
        for (int ranks : new int[] {4, 16, 64}) {
            Cluster cluster = new Cluster(64, ranks, floats);
            cluster.run(ManyRanksTest::computesAtOnce);
            cluster.requireTheBitsOfOne();
            double step = (double) STEPS * floats * Float.BYTES;
            double due = 2.0 * (ranks - 1) / ranks;
            assertThat(cluster.most(rank -> rank.sentBytes) / step)
                    .as("gradients sent of %s ranks", ranks)
                    .isBetween(due, 1.01 * due);
            assertThat(cluster.most(rank -> rank.receivedBytes) / step)
                    .as("gradients received of %s ranks", ranks)
                    .isBetween(due, 1.01 * due);
            times.add(cluster.simulation.now());
        }
        // Time to send two gradients, and one latency for each level of the tree, up and down.
        assertThat(times.get(2)).isLessThan(2 * times.get(0));
    }

    @ParameterizedTest
    @CsvSource({"64, 3", "64, 48", "256, 200"})
    void ranksThatShareShardsUnevenlySendNoMoreThanFiveGradients(int shards, int ranks) throws Exception {
        int floats = 16 * Chunks.MIN_VALUES;
        Cluster cluster = new Cluster(shards, ranks, floats);
        cluster.run(ManyRanksTest::computesAtOnce);
        cluster.requireTheBitsOfOne();
        double step = (double) STEPS * floats * Float.BYTES;
        assertThat(cluster.most(rank -> Math.max(rank.sentBytes, rank.receivedBytes)) / step)
                .isLessThan(5);
    }

    @Test
    void aSlowRankOf200IsAwaitedLongerThanASilentOneWouldBe() throws Exception {
        Cluster cluster = new Cluster(256, 200, 4 * Chunks.MIN_VALUES);
        long slow = 3 * DEADLINE.toNanos();
        cluster.run((rank, step) -> rank.compute(
                rank.self, rank.self == 137 && step == 1 ? slow : KeyedRandom.mix(rank.self, step) >>> 36));
        cluster.requireTheBitsOfOne();
        assertThat(cluster.simulation.now()).isGreaterThan(slow);
    }

    @Test
    void aFrozenRankOf200IsNamedByAllOthersInTime() throws Exception {
        Cluster cluster = new Cluster(256, 200, 4 * Chunks.MIN_VALUES);
        cluster.run((rank, step) -> {
            rank.compute(rank.self, KeyedRandom.mix(rank.self, step) >>> 36);
            if (rank.self == 137 && step == 1) {
                rank.freeze();
            }
        });
        requireOnlyBlamed(cluster, 137, "step 1: rank 137 (host-137:7000) is silent for 300000 ms; expected from it: ");
        long limit = DEADLINE.plusSeconds(30).toNanos();
        assertThat(LongStream.of(cluster.endNanos).max().orElseThrow()).isLessThanOrEqualTo(limit);
    }

    @Test
    void aRankOf200ThatDiesIsNamedByAllOthersAtOnce() throws Exception {
        Cluster cluster = new Cluster(256, 200, 4 * Chunks.MIN_VALUES);
        cluster.run((rank, step) -> {
            if (rank.self == 137 && step == 1) {
                rank.close();
                rank.freeze();
            }
        });
        requireOnlyBlamed(cluster, 137, "step 1: rank 137 (host-137:7000) is lost; expected from it: ");
        assertThat(LongStream.of(cluster.endNanos).max().orElseThrow()).isLessThan(1_000_000_000L);
    }

    private static void requireOnlyBlamed(Cluster cluster, int culprit, String reason) {
        assertThat(cluster.ends.get(culprit)).isEqualTo("never");
        for (int rank = 0; rank < cluster.map.ranks(); rank++) {
            if (rank != culprit) {
                assertThat(cluster.ends.get(rank)).as("rank %s", rank).startsWith(reason);
            }
        }
    }
}
