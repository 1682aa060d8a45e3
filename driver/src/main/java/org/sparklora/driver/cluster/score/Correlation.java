package org.sparklora.driver.cluster.score;

import java.io.Serializable;

/**
 * Pearson's correlation of pairs of numbers. Means and co-moments are updated as Welford (1962) does, and merged as Chan, Golub
 * and LeVeque (1979) do: sums of squares would lose digits where the mean is large. Not thread-safe.
 */
public final class Correlation implements Serializable {

    private static final long serialVersionUID = 1L;

    private long pairs;
    private double meanX;
    private double meanY;
    private double xx;
    private double yy;
    private double xy;

    /** Adds a pair. */
    public void add(double x, double y) {
        pairs++;
        double beforeX = x - meanX;
        double beforeY = y - meanY;
        meanX += beforeX / pairs;
        meanY += beforeY / pairs;
        xx += beforeX * (x - meanX);
        yy += beforeY * (y - meanY);
        xy += beforeX * (y - meanY);
    }

    /** Adds other pairs. */
    public void merge(Correlation other) {
        if (other.pairs == 0) {
            return;
        }
        long all = pairs + other.pairs;
        double betweenX = other.meanX - meanX;
        double betweenY = other.meanY - meanY;
        double share = (double) other.pairs / all;
        xx += other.xx + betweenX * betweenX * pairs * share;
        yy += other.yy + betweenY * betweenY * pairs * share;
        xy += other.xy + betweenX * betweenY * pairs * share;
        meanX += betweenX * share;
        meanY += betweenY * share;
        pairs = all;
    }

    /** Pearson's correlation; not a number for fewer than two pairs, or if all x or all y are equal. */
    public double pearson() {
        return pairs < 2 ? Double.NaN : of(xx, yy, xy);
    }

    /** The correlation from sums of squares and products of the differences to the means. */
    public static double of(double xx, double yy, double xy) {
        return Math.max(-1, Math.min(1, xy / (Math.sqrt(xx) * Math.sqrt(yy))));
    }
}
