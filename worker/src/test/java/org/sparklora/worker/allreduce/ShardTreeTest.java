package org.sparklora.worker.allreduce;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparklora.worker.contract.KeyedRandom;
import org.sparklora.worker.contract.Padding;
import org.sparklora.worker.contract.ShardSum;

class ShardTreeTest {

    private static final int SHARDS = 16;
    private final ShardTree tree = new ShardTree(SHARDS);

    /** Values of mixed size, so that another order of additions gives other bits. */
    private static ShardSum shard(int s) {
        float[] gradient = new float[64];
        for (int i = 0; i < gradient.length; i++) {
            gradient[i] = (float) (KeyedRandom.gaussian(s, i) * (1 << (int) (KeyedRandom.mix(s, i) & 15)));
        }
        return new ShardSum(KeyedRandom.gaussian(s, 1000), 1 + s, 1, Padding.NONE, gradient);
    }

    private ShardSum sumWithRanks(int ranks) {
        Map<Integer, ShardSum> sent = new HashMap<>();
        for (int rank = 0; rank < ranks; rank++) {
            Map<Integer, ShardSum> mine = new HashMap<>();
            for (int s = SHARDS * rank / ranks; s < SHARDS * (rank + 1) / ranks; s++) {
                mine.put(tree.leaf(s), shard(s));
            }
            sent.putAll(tree.combine(mine, ShardSum::add));
        }
        return tree.total(sent, ShardSum::add);
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 4, 5, 6, 7, 11, 16})
    void anyNumberOfRanksGivesTheBitsOfOne(int ranks) {
        ShardSum one = sumWithRanks(1);
        ShardSum many = sumWithRanks(ranks);
        assertThat(many.gradient()).isEqualTo(one.gradient());
        assertThat(many.loss()).isEqualTo(one.loss());
        assertThat(many.examples()).isEqualTo(SHARDS);
    }

    @Test
    void anotherOrderWouldGiveOtherBits() {
        ShardSum leftToRight = shard(0);
        for (int s = 1; s < SHARDS; s++) {
            leftToRight.add(shard(s));
        }
        assertThat(leftToRight.gradient()).isNotEqualTo(sumWithRanks(1).gradient());
    }

    @Test
    void aRankSendsOnlyCompleteSubtrees() {
        Map<Integer, String> mine = new HashMap<>();
        for (int s = 3; s < 9; s++) {
            mine.put(tree.leaf(s), String.valueOf(s));
        }
        assertThat(tree.combine(mine, (a, b) -> a + "+" + b))
                .containsExactlyInAnyOrderEntriesOf(
                        Map.of(tree.leaf(3), "3", tree.leaf(4) / 4, "4+5+6+7", tree.leaf(8), "8"));
    }

    @Test
    void refusesAMissingShard() {
        Map<Integer, String> parts = new HashMap<>(Map.of(tree.leaf(0), "0", tree.leaf(1), "1"));
        assertThatThrownBy(() -> tree.total(parts, (a, b) -> a + b))
                .hasMessageContaining("do not add up to all 16 shards");
    }

    @Test
    void refusesASumThatCameTwice() {
        Map<Integer, String> parts =
                new HashMap<>(Map.of(tree.leaf(0), "0", tree.leaf(1), "1", tree.leaf(0) / 2, "0+1"));
        assertThatThrownBy(() -> tree.total(parts, (a, b) -> a + b)).hasMessageContaining("node 8");
    }

    @Test
    void refusesANumberOfShardsThatIsNoPowerOfTwo() {
        assertThatThrownBy(() -> new ShardTree(6)).hasMessageContaining("power of two");
    }
}
