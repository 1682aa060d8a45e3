package org.sparklora.driver.cluster.score;

/** Quotients of counts. */
final class Ratio {

    private Ratio() {}

    /** 0 where there is nothing to divide by. */
    static double of(long part, long whole) {
        return whole == 0 ? 0 : (double) part / whole;
    }

    /** The harmonic mean of precision and recall: 2 TP / (predicted + wanted). */
    static double f1(long right, long predicted, long wanted) {
        return of(2 * right, predicted + wanted);
    }
}
