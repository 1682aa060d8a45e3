package org.sparklora.driver.cluster.score;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;

/** Compares predicted numbers with the right ones. Sums run in row order, so the results do not depend on the cluster. */
public final class Correlation {

    private Correlation() {}

    /** Mean of the squared differences. */
    public static double meanSquaredError(double[] a, double[] b) {
        return IntStream.range(0, a.length)
                        .mapToDouble(i -> (a[i] - b[i]) * (a[i] - b[i]))
                        .sum()
                / a.length;
    }

    /** Pearson's correlation; NaN if all values of one side are equal. */
    public static double pearson(double[] a, double[] b) {
        return products(a, b) / Math.sqrt(products(a, a) * products(b, b));
    }

    /** The sum of the products of deviations from the means. */
    private static double products(double[] a, double[] b) {
        double meanA = Arrays.stream(a).sum() / a.length;
        double meanB = Arrays.stream(b).sum() / b.length;
        return IntStream.range(0, a.length)
                .mapToDouble(i -> (a[i] - meanA) * (b[i] - meanB))
                .sum();
    }

    /** Pearson's correlation of the ranks. Equal values have the mean of their ranks. */
    public static double spearman(double[] a, double[] b) {
        return pearson(ranks(a), ranks(b));
    }

    private static double[] ranks(double[] values) {
        TreeMap<Double, Integer> rows = new TreeMap<>();
        Arrays.stream(values).forEach(value -> rows.merge(value, 1, Integer::sum));
        Map<Double, Double> ranks = new HashMap<>();
        double below = 0;
        for (Map.Entry<Double, Integer> equal : rows.entrySet()) {
            ranks.put(equal.getKey(), below + equal.getValue() / 2.0);
            below += equal.getValue();
        }
        return Arrays.stream(values).map(ranks::get).toArray();
    }
}
