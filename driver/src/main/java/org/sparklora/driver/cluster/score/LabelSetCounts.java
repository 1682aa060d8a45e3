package org.sparklora.driver.cluster.score;

/** Predicted sets of labels against wanted ones, row by row. Not thread-safe. */
public final class LabelSetCounts {

    private final long[] right;
    private final long[] predicted;
    private final long[] wanted;
    private long rows;
    private long exact;

    /** Counts of so many labels, all zero. */
    public LabelSetCounts(int labels) {
        right = new long[labels];
        predicted = new long[labels];
        wanted = new long[labels];
    }

    /** Adds a row: for each label whether it was predicted, and whether it is wanted. */
    public void add(boolean[] guess, boolean[] truth) {
        boolean same = true;
        for (int label = 0; label < right.length; label++) {
            right[label] += guess[label] && truth[label] ? 1 : 0;
            predicted[label] += guess[label] ? 1 : 0;
            wanted[label] += truth[label] ? 1 : 0;
            same &= guess[label] == truth[label];
        }
        rows++;
        exact += same ? 1 : 0;
    }

    /** Part of the rows whose whole set is right. */
    public double exactMatch() {
        return Ratio.of(exact, rows);
    }

    /** F1 over the cells of all labels together. */
    public double microF1() {
        return Ratio.f1(sum(right), sum(predicted), sum(wanted));
    }

    /** F1 of one label. */
    public double f1(int label) {
        return Ratio.f1(right[label], predicted[label], wanted[label]);
    }

    private static long sum(long[] counts) {
        long sum = 0;
        for (long count : counts) {
            sum += count;
        }
        return sum;
    }
}
