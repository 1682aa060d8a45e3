package org.sparklora.driver.cluster.score;

/** Counts of predicted, actual and correctly predicted items, and the metrics derived from them. Not thread-safe. */
public class Counts {

    private long correct;
    private long predicted;
    private long actual;

    Counts() {}

    /** Adds counts. */
    final void add(long moreCorrect, long morePredicted, long moreActual) {
        correct += moreCorrect;
        predicted += morePredicted;
        actual += moreActual;
    }

    /** Share of the predicted items that are correct. */
    public final double precision() {
        return ratio(correct, predicted);
    }

    /** Share of the actual items that were predicted. */
    public final double recall() {
        return ratio(correct, actual);
    }

    /** The harmonic mean of precision and recall. */
    public final double f1() {
        return ratio(2 * correct, predicted + actual);
    }

    /** Divides counts; 0 if the divisor is 0. */
    static double ratio(long part, long whole) {
        return whole == 0 ? 0 : (double) part / whole;
    }
}
