package org.sparklora.driver.cluster.score;

import java.io.Serializable;

/** Counts of predicted, actual and correctly predicted items, and the metrics derived from them. Not thread-safe. */
public class Counts implements Serializable {

    private static final long serialVersionUID = 1L;

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

    /** Adds the counts of other items. */
    final void merge(Counts other) {
        add(other.correct, other.predicted, other.actual);
    }

    final long actual() {
        return actual;
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
