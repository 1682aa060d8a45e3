package org.sparklora.driver.watch.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class ColumnTest {

    @Test
    void aShortSeriesKeepsItsPoints() {
        float[] values = {3, 1, 2};
        assertThat(Column.reduce(3, i -> 10 * i, i -> values[i], 3))
                .containsExactly(
                        new Column(0, 3, 3, 3, false), new Column(10, 1, 1, 1, false), new Column(20, 2, 2, 2, false));
        assertThat(Column.reduce(0, i -> i, i -> i, 3)).isEmpty();
    }

    @Test
    void aLongSeriesKeepsItsPeaksAndItsMean() {
        int count = 100_000;
        List<Column> columns = Column.reduce(count, i -> i, i -> i == 31_415 ? 1000 : i == 31_416 ? -5 : 1, 400);
        assertThat(columns).hasSize(400);
        assertThat(columns.stream().mapToDouble(Column::max).max()).hasValue(1000);
        assertThat(columns.stream().mapToDouble(Column::min).min()).hasValue(-5);
        assertThat(columns).isSortedAccordingTo(java.util.Comparator.comparingDouble(Column::x));
        assertThat(columns.get(0).mean()).isEqualTo(1);
        Column peak = columns.stream().filter(c -> c.max() == 1000).findFirst().orElseThrow();
        assertThat(peak.mean()).isBetween(1.0, 10.0);
    }

    @Test
    void valuesThatAreNotFiniteLeaveAGap() {
        double[] values = {1, Double.NaN, Double.NaN, 2, 3, Double.POSITIVE_INFINITY};
        assertThat(Column.reduce(6, i -> i, i -> values[i], 10))
                .containsExactly(
                        new Column(0, 1, 1, 1, false), new Column(3, 2, 2, 2, true), new Column(4, 3, 3, 3, false));
        // A group that thaws half way has no columns before.
        List<Column> late = Column.reduce(1000, i -> i, i -> i < 500 ? Double.NaN : 1, 10);
        assertThat(late).hasSize(5);
        assertThat(late.get(0).x()).isGreaterThan(499);
    }
}
