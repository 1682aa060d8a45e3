package org.sparklora.driver.watch.report;

import java.util.ArrayList;
import java.util.List;

/**
 * A long series made short: one {@link Column} for each stretch of equal width along x that has values, so that neither a
 * peak nor a dip is lost. A series that is short already keeps its points.
 */
final class Columns {

    private Columns() {}

    /**
     * Values within one stretch.
     *
     * @param x mean place of the values
     * @param gap whether values that are no numbers lie between this column and the one before
     */
    record Column(double x, double least, double most, double mean, boolean gap) {}

    /** A value for each place. */
    @FunctionalInterface
    interface Series {
        double at(int index);
    }

    /**
     * Columns of a series of {@code count} values.
     *
     * @param x of each value, rising
     * @param values may be no numbers, where there is nothing
     * @param most columns
     */
    static List<Column> of(int count, Series x, Series values, int most) {
        List<Column> columns = new ArrayList<>();
        if (count == 0) {
            return columns;
        }
        double from = x.at(0);
        double width = count <= most ? 0 : (x.at(count - 1) - from) / most;
        boolean gap = false;
        int i = 0;
        while (i < count) {
            int stretch = stretch(x.at(i), from, width, most);
            double sumX = 0;
            double sum = 0;
            double low = Double.POSITIVE_INFINITY;
            double high = Double.NEGATIVE_INFINITY;
            int n = 0;
            boolean gapInside = false;
            do {
                double value = values.at(i);
                if (Double.isFinite(value)) {
                    sumX += x.at(i);
                    sum += value;
                    low = Math.min(low, value);
                    high = Math.max(high, value);
                    n++;
                } else {
                    gapInside = true;
                }
                i++;
            } while (width > 0 && i < count && stretch(x.at(i), from, width, most) == stretch);
            if (n > 0) {
                columns.add(new Column(sumX / n, low, high, sum / n, gap));
            }
            gap = n == 0 && (gap || gapInside);
        }
        return columns;
    }

    private static int stretch(double x, double from, double width, int most) {
        return width == 0 ? 0 : (int) Math.min(most - 1, Math.floor((x - from) / width));
    }
}
