package org.sparklora.driver.cluster.score;

import static org.assertj.core.api.Assertions.assertThat;

import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class LabelSetCountsTest {

    private static final Offset<Double> CLOSE = Offset.offset(1e-12);

    private static boolean[] set(int... bits) {
        boolean[] set = new boolean[bits.length];
        for (int i = 0; i < bits.length; i++) {
            set[i] = bits[i] == 1;
        }
        return set;
    }

    @Test
    void cellsAreCountedTogetherAndByLabel() {
        LabelSetCounts counts = new LabelSetCounts(3);
        counts.add(set(1, 0, 0), set(1, 1, 0));
        counts.add(set(1, 1, 0), set(0, 1, 0));
        counts.add(set(0, 0, 0), set(0, 0, 0));
        // Right 1 + 1, predicted 2 + 1, wanted 1 + 2.
        assertThat(counts.microF1()).isCloseTo(2 * 2 / 6.0, CLOSE);
        assertThat(counts.f1(0)).isCloseTo(2 * 1 / 3.0, CLOSE);
        assertThat(counts.f1(1)).isCloseTo(2 * 1 / 3.0, CLOSE);
        assertThat(counts.f1(2))
                .as("a label that nobody has and nobody predicts")
                .isZero();
        assertThat(counts.exactMatch()).isCloseTo(1 / 3.0, CLOSE);
    }

    @Test
    void noRowsAreZero() {
        assertThat(new LabelSetCounts(1).microF1()).isZero();
        assertThat(new LabelSetCounts(1).exactMatch()).isZero();
    }
}
