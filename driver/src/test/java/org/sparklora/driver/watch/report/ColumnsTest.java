package org.sparklora.driver.watch.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.watch.report.Columns.Column;

class ColumnsTest {

    @Test
    void aShortSeriesKeepsItsPoints() {
        float[] values = {3, 1, 2};
        assertThat(Columns.of(3, i -> 10 * i, i -> values[i], 3))
                .containsExactly(
                        new Column(0, 3, 3, 3, false), new Column(10, 1, 1, 1, false), new Column(20, 2, 2, 2, false));
        assertThat(Columns.of(0, i -> i, i -> i, 3)).isEmpty();
    }

    @Test
    void aLongSeriesKeepsItsPeaksAndItsMean() {
        int count = 100_000;
        List<Column> columns = Columns.of(count, i -> i, i -> i == 31_415 ? 1000 : i == 31_416 ? -5 : 1, 400);
        assertThat(columns).hasSize(400);
        assertThat(columns.stream().mapToDouble(Column::most).max()).hasValue(1000);
        assertThat(columns.stream().mapToDouble(Column::least).min()).hasValue(-5);
        assertThat(columns).isSortedAccordingTo(java.util.Comparator.comparingDouble(Column::x));
        assertThat(columns.get(0).mean()).isEqualTo(1);
        Column peak = columns.stream().filter(c -> c.most() == 1000).findFirst().orElseThrow();
        assertThat(peak.mean()).isBetween(1.0, 10.0);
    }

    @Test
    void nothingIsDrawnWhereThereIsNothing() {
        double[] values = {1, Double.NaN, Double.NaN, 2, 3, Double.POSITIVE_INFINITY};
        assertThat(Columns.of(6, i -> i, i -> values[i], 10))
                .containsExactly(
                        new Column(0, 1, 1, 1, false), new Column(3, 2, 2, 2, true), new Column(4, 3, 3, 3, false));
        // A group that thaws half way: the columns before have nothing.
        List<Column> late = Columns.of(1000, i -> i, i -> i < 500 ? Double.NaN : 1, 10);
        assertThat(late).hasSize(5);
        assertThat(late.get(0).x()).isGreaterThan(499);
    }
}
