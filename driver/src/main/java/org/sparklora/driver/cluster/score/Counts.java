package org.sparklora.driver.cluster.score;

/** Counts of predicted, actual and correctly predicted items, and the metrics derived from them. Not thread-safe. */
final class Counts {

    private long correct;
    private long predicted;
    private long actual;

    /** Adds counts. */
    void add(long moreCorrect, long morePredicted, long moreActual) {
        correct += moreCorrect;
        predicted += morePredicted;
        actual += moreActual;
    }

    void add(Counts other) {
        add(other.correct, other.predicted, other.actual);
    }

    double precision() {
        return ratio(correct, predicted);
    }

    double recall() {
        return ratio(correct, actual);
    }

    /** The harmonic mean of precision and recall. */
    double f1() {
        return ratio(2 * correct, predicted + actual);
    }

    /** Divides counts; 0 if the divisor is 0. */
    static double ratio(long part, long whole) {
        return whole == 0 ? 0 : (double) part / whole;
    }
}
