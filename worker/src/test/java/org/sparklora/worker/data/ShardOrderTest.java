package org.sparklora.worker.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.sparklora.worker.contract.KeyedRandom;
import org.sparklora.worker.contract.Padding;
import org.sparklora.worker.contract.ShardPlan;

class ShardOrderTest {

    private static final long SEED = 42;

    @ParameterizedTest(name = "S {0}, B {1}, N {2}")
    @CsvSource({
        "1,1,1",
        "1,4,9",
        "4,4,3",
        "4,6,1",
        "4,6,101",
        "8,32,5000",
        "8,13,4711",
        "16,33,1057",
        "2,5,320",
        "8,8,64"
    })
    void everyRowOncePerEpochInThePlansNumbers(int shards, int batchSize, int examples) {
        ShardPlan plan = new ShardPlan(shards, batchSize, examples, false);
        for (ShardOrder order : List.of(ShardOrder.shuffled(SEED), ShardOrder.groupedByLength(SEED))) {
            for (int s = 0; s < shards; s++) {
                Shard shard = shard(plan, s);
                EpochRows rows = shard.epoch(order, plan, 3);
                Set<Integer> seen = new HashSet<>();
                for (int step = 0; step < rows.steps(); step++) {
                    int[] at = rows.positions(step);
                    assertThat(at).hasSize(plan.from(s, step + 1) - plan.from(s, step));
                    Arrays.stream(at)
                            .forEach(position -> assertThat(seen.add(position)).isTrue());
                }
                assertThat(seen).hasSize(shard.size());
            }
        }
    }

    @Test
    void givenKeepsTheOrder() {
        ShardPlan plan = new ShardPlan(4, 6, 23, true);
        for (int s = 0; s < 4; s++) {
            Shard shard = shard(plan, s);
            assertThat(ShardOrder.given().positions(shard, plan, 5))
                    .containsExactly(IntStream.range(0, shard.size()).toArray());
        }
    }

    @Test
    void epochsAndSeedsDiffer() {
        ShardPlan plan = new ShardPlan(1, 4, 200, false);
        Shard shard = shard(plan, 0);
        int[] first = ShardOrder.shuffled(SEED).positions(shard, plan, 0);
        assertThat(ShardOrder.shuffled(SEED).positions(shard, plan, 0)).isEqualTo(first);
        assertThat(ShardOrder.shuffled(SEED).positions(shard, plan, 1)).isNotEqualTo(first);
        assertThat(ShardOrder.shuffled(SEED + 1).positions(shard, plan, 0)).isNotEqualTo(first);
    }

    @Test
    void theOrderHangsOnKeysAlone() {
        // The same keys in another shard, with other labels and tokens: the same order.
        ShardPlan two = new ShardPlan(2, 4, 200, false);
        List<Example> other = new ArrayList<>();
        shard(two, 0).examples().forEach(e -> other.add(new Example(new int[] {1, 2, 3}, 1, 7, 2, e.key())));
        assertThat(ShardOrder.shuffled(SEED).positions(Shard.of(1, other), two, 4))
                .isEqualTo(ShardOrder.shuffled(SEED).positions(shard(two, 0), two, 4));
    }

    @Test
    void equalKeysKeepTheirPositions() {
        ShardPlan plan = new ShardPlan(1, 4, 10, false);
        Example same = new Example(new int[] {1, 2}, 2, 0, 1, 5);
        Shard shard = Shard.of(0, Collections.nCopies(10, same));
        assertThat(ShardOrder.shuffled(SEED).positions(shard, plan, 0)).isSorted();
    }

    @Test
    void rowsWhoseHashesBeginAlikeFollowTheWholeHash() {
        long epochKey = KeyedRandom.mix(KeyedRandom.key(SEED, "data/order"), 3);
        long[] hashes = {0x700000009L, 0x7FFFFFFFFL, -1, -2, 0x700000001L, 0x700000009L, Long.MIN_VALUE, 0};
        List<Example> rows = new ArrayList<>();
        for (long hash : hashes) {
            rows.add(new Example(new int[] {1}, 1, 0, 1, counter(epochKey, hash)));
            assertThat(KeyedRandom.mix(epochKey, rows.get(rows.size() - 1).key()))
                    .isEqualTo(hash);
        }
        ShardPlan plan = new ShardPlan(1, 4, hashes.length, false);
        assertThat(ShardOrder.shuffled(SEED).positions(Shard.of(0, rows), plan, 3))
                .containsExactly(6, 3, 2, 7, 4, 0, 5, 1);
    }

    /** The counter of which a hash is the number: {@link KeyedRandom#mix} backwards. */
    private static long counter(long key, long hash) {
        long z = hash ^ (hash >>> 31) ^ (hash >>> 62);
        z *= inverse(0x94D049BB133111EBL);
        z = (z ^ (z >>> 27) ^ (z >>> 54)) * inverse(0xBF58476D1CE4E5B9L);
        return ((z ^ (z >>> 30) ^ (z >>> 60)) - key) * inverse(0x9E3779B97F4A7C15L) - 1;
    }

    private static long inverse(long odd) {
        long x = odd;
        for (int bits = 3; bits < Long.SIZE; bits *= 2) {
            x *= 2 - odd * x;
        }
        return x;
    }

    @Test
    void shortestAndLongestRowsMeetInTheSameStepOnAllShards() {
        ShardPlan plan = new ShardPlan(4, 16, 16 * 100, false);
        ShardOrder order = ShardOrder.groupedByLength(SEED);
        for (int first = 0; first < 100; first += ShardOrder.WINDOW_STEPS) {
            int end = Math.min(first + ShardOrder.WINDOW_STEPS, 100);
            int[] steps = order.permutation(2, first, end);
            assertThat(Arrays.stream(steps).sorted().toArray())
                    .containsExactly(IntStream.range(first, end).toArray());
            for (int s = 0; s < 4; s++) {
                Shard shard = shard(plan, s);
                EpochRows rows = shard.epoch(order, plan, 2);
                int before = 0;
                for (int step : steps) {
                    for (Example e : shard.examples(rows.positions(step))) {
                        assertThat(e.length()).isGreaterThanOrEqualTo(before);
                        before = e.length();
                    }
                }
            }
        }
    }

    @Test
    void windowsArePermutedDifferently() {
        ShardOrder order = ShardOrder.groupedByLength(SEED);
        int[] first = Arrays.stream(order.permutation(0, 0, 32)).toArray();
        int[] second =
                Arrays.stream(order.permutation(0, 32, 64)).map(i -> i - 32).toArray();
        assertThat(second).isNotEqualTo(first);
        assertThat(order.permutation(1, 0, 32)).isNotEqualTo(first);
    }

    @Test
    void groupingPadsLess() {
        ShardPlan plan = new ShardPlan(8, 32, 3200, false);
        assertThat(padding(plan, ShardOrder.groupedByLength(SEED)) * 3)
                .isLessThan(padding(plan, ShardOrder.shuffled(SEED)));
    }

    @Test
    void theLastShortStepStaysLast() {
        ShardPlan plan = new ShardPlan(2, 8, 8 * 5 + 3, false);
        for (int s = 0; s < 2; s++) {
            Shard shard = shard(plan, s);
            int[] plain = ShardOrder.shuffled(SEED).positions(shard, plan, 0);
            int[] grouped = ShardOrder.groupedByLength(SEED).positions(shard, plan, 0);
            int from = plan.from(s, 5);
            assertThat(Arrays.copyOfRange(grouped, from, grouped.length))
                    .isEqualTo(Arrays.copyOfRange(plain, from, plain.length));
        }
    }

    @Test
    void refusesAPlanForOtherData() {
        Shard shard = shard(new ShardPlan(2, 8, 43, false), 0);
        assertThatThrownBy(() -> shard.epoch(ShardOrder.shuffled(SEED), new ShardPlan(2, 8, 50, false), 0))
                .hasMessageContainingAll("shard 0", "22 rows", "25 of 50");
        assertThatThrownBy(() -> shard.epoch(ShardOrder.given(), new ShardPlan(2, 8, 43, false), 0))
                .hasMessageContaining("data.order");
    }

    private static long padding(ShardPlan plan, ShardOrder order) {
        long padding = 0;
        for (int s = 0; s < plan.shards(); s++) {
            Shard shard = shard(plan, s);
            EpochRows rows = shard.epoch(order, plan, 0);
            for (int step = 0; step < rows.steps(); step++) {
                List<Example> mine = shard.examples(rows.positions(step));
                int longest = mine.stream().mapToInt(Example::length).max().orElse(0);
                padding += mine.stream().mapToInt(e -> longest - e.length()).sum();
            }
        }
        return padding;
    }

    private static Shard shard(ShardPlan plan, int index) {
        List<Example> examples = new ArrayList<>();
        for (int i = 0; i < plan.shardSize(index); i++) {
            long key = KeyedRandom.mix(index + 1L, i);
            int length = 2 + (int) Long.remainderUnsigned(KeyedRandom.mix(key, 7), 100);
            examples.add(new Example(new int[length], length, i % 2, 1, key));
        }
        return Shard.of(index, examples);
    }

    private static Padding padding(EpochRows rows, int microbatches) {
        Padding padding = Padding.NONE;
        for (int step = 0; step < rows.steps(); step++) {
            for (int[] positions : rows.microbatches(step, microbatches)) {
                padding = padding.plus(
                        Batch.of(rows.shard().examples(positions), 0).padding());
            }
        }
        return padding;
    }

    @Test
    void paddingIsCountedToTheLongestRowOfEachPiece() {
        List<Example> examples = new ArrayList<>();
        for (int length : new int[] {2, 5, 3, 4, 9}) {
            examples.add(new Example(new int[length], length, 0, 1, examples.size()));
        }
        EpochRows rows = Shard.of(0, examples).epoch(ShardOrder.given(), new ShardPlan(1, 3, 5, true), 0);
        // (2 5 3) (4 9)
        assertThat(padding(rows, 1)).isEqualTo(new Padding(23, 3 + 2 + 5));
        // (2) (5 3) (4) (9)
        assertThat(rows.microbatches(0, 2)).containsExactly(new int[] {0}, new int[] {1, 2});
        assertThat(padding(rows, 2)).isEqualTo(new Padding(23, 2));
        assertThat(padding(rows, 2).plus(new Padding(1, 24)).share()).isEqualTo(0.52);
        assertThat(Padding.NONE.share()).isZero();
    }
}
