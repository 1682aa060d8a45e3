package org.sparklora.driver.watch.report;

import java.util.ArrayList;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import java.util.function.ToDoubleFunction;
import org.sparklora.driver.watch.report.RunData.Epoch;

/**
 * A point of a line that stands for all values in a stretch of the x axis.
 *
 * @param x mean x of the values
 * @param gap whether there are values that are not finite between this column and the one before
 */
record Column(double x, double min, double max, double mean, boolean gap) {

    /**
     * Reduces a long series to columns of equal width along x, so that no peak and no dip is lost. A short series keeps its
     * points.
     *
     * @param count number of values
     * @param x of each value, ascending
     * @param values not finite where there is no value
     * @param maxColumns maximum number of columns
     */
    static List<Column> reduce(int count, IntToDoubleFunction x, IntToDoubleFunction values, int maxColumns) {
        List<Column> columns = new ArrayList<>();
        boolean reduces = count > maxColumns;
        double from = count == 0 ? 0 : x.applyAsDouble(0);
        double width = count == 0 ? 0 : (x.applyAsDouble(count - 1) - from) / maxColumns;
        boolean gap = false;
        int i = 0;
        while (i < count) {
            int stretch = stretch(x.applyAsDouble(i), from, width, maxColumns);
            DoubleSummaryStatistics sum = new DoubleSummaryStatistics();
            double sumX = 0;
            do {
                double value = values.applyAsDouble(i);
                if (Double.isFinite(value)) {
                    sumX += x.applyAsDouble(i);
                    sum.accept(value);
                }
                i++;
            } while (reduces && i < count && stretch(x.applyAsDouble(i), from, width, maxColumns) == stretch);
            long n = sum.getCount();
            if (n > 0) {
                columns.add(new Column(sumX / n, sum.getMin(), sum.getMax(), sum.getAverage(), gap));
            }
            gap = n == 0;
        }
        return columns;
    }

    /** Reduces a value of each epoch. */
    static List<Column> ofEpochs(List<Epoch> epochs, ToDoubleFunction<Epoch> x, ToDoubleFunction<Epoch> value) {
        return reduce(
                epochs.size(),
                i -> x.applyAsDouble(epochs.get(i)),
                i -> value.applyAsDouble(epochs.get(i)),
                LineChart.MAX_COLUMNS);
    }

    private static int stretch(double x, double from, double width, int maxColumns) {
        return width == 0 ? 0 : (int) Math.min(maxColumns - 1, Math.floor((x - from) / width));
    }
}
