package org.sparklora.driver.job.plan;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.job.plan.KeyPacking.Limits;
import org.sparklora.driver.job.plan.KeyPacking.Sizes;

class KeyPackingTest {

    private static final Limits LIMITS = new Limits(100, 2, 1_000, 10);

    private static KeyPacking pack(Map<String, Long> rows, Sizes sizes) {
        SortedMap<String, Long> sorted = new TreeMap<>(rows);
        return KeyPacking.of(sorted, sizes, LIMITS);
    }

    @Test
    void largeKeysComeFirstAndSmallOnesShareATask() {
        KeyPacking packing = pack(Map.of("a", 10L, "b", 300L, "c", 10L, "d", 20L, "e", 3L), new Sizes(5, 4, 1, 1));

        assertThat(packing.waves()).containsExactly(List.of(List.of("b"), List.of("d", "a", "c")));
        assertThat(packing.leftOut()).containsExactly("e");
        assertThat(packing.spread()).isEmpty();
        assertThat(packing.trained()).isEqualTo(4);
        assertThat(packing.tasks()).isEqualTo(2);
    }

    @Test
    void aWaveHasFewTasksAndFewBytes() {
        Map<String, Long> rows = Map.of("a", 100L, "b", 100L, "c", 100L);

        assertThat(pack(rows, new Sizes(1, 4, 1, 1)).waves()).hasSize(2);
        assertThat(pack(rows, new Sizes(1, 4, 1, 5_000)).waves()).hasSize(3);
    }

    @Test
    void aKeyWithManyStepsIsSpreadIfThereAreShards() {
        Map<String, Long> rows = Map.of("a", 40L, "b", 41L);

        assertThat(pack(rows, new Sizes(1, 4, 1, 1)).spread()).isEmpty();
        assertThat(pack(rows, new Sizes(1, 4, 2, 1)).spread()).containsExactly("b");
    }
}
