package org.sparklora.worker.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class ShardPlanTest {

    static Stream<Arguments> plans() {
        List<Arguments> all = new ArrayList<>();
        for (int shards : new int[] {1, 2, 4, 8}) {
            for (int batch : new int[] {8, 11, 30, 32}) {
                for (long examples : new long[] {1, 7, 8, 32, 33, 100, 257}) {
                    all.add(Arguments.of(shards, batch, examples));
                }
            }
        }
        return all.stream();
    }

    @ParameterizedTest
    @MethodSource("plans")
    void everyRowIsUsedOncePerEpoch(int shards, int batch, long examples) {
        for (boolean given : new boolean[] {false, true}) {
            ShardPlan plan = new ShardPlan(shards, batch, examples, given);
            long total = 0;
            for (int step = 0; step < plan.stepsPerEpoch(); step++) {
                int inStep = 0;
                int least = Integer.MAX_VALUE;
                int most = 0;
                for (int s = 0; s < shards; s++) {
                    int rows = plan.from(s, step + 1) - plan.from(s, step);
                    inStep += rows;
                    least = Math.min(least, rows);
                    most = Math.max(most, rows);
                }
                assertThat(inStep).isEqualTo(plan.examplesIn(step));
                assertThat(most - least).isLessThanOrEqualTo(1);
                total += inStep;
            }
            assertThat(total).isEqualTo(examples);
        }
    }

    @ParameterizedTest
    @MethodSource("plans")
    void givenRowsKeepTheirOrder(int shards, int batch, long examples) {
        ShardPlan plan = new ShardPlan(shards, batch, examples, true);
        int[] next = new int[shards];
        int before = 0;
        for (long row = 0; row < examples; row++) {
            int shard = plan.shardOfGivenRow(row);
            int step = (int) (row / batch);
            if (row % batch != 0) {
                assertThat(shard).as("slices are contiguous").isGreaterThanOrEqualTo(before);
            }
            before = shard;
            assertThat(next[shard]).isBetween(plan.from(shard, step), plan.from(shard, step + 1) - 1);
            next[shard]++;
        }
        for (int s = 0; s < shards; s++) {
            assertThat(next[s]).isEqualTo(plan.shardSize(s));
        }
    }

    @Test
    void refusesImpossiblePlans() {
        assertThatThrownBy(() -> new ShardPlan(3, 8, 10, false)).hasMessageContaining("training.shards 3");
        assertThatThrownBy(() -> new ShardPlan(8, 4, 10, false))
                .hasMessageContaining("training.batch_size 4")
                .hasMessageContaining("training.shards 8");
        assertThatThrownBy(() -> new ShardPlan(8, 8, 0, false)).hasMessageContaining("0 examples");
    }
}
