package org.sparklora.driver.job.config;

/** The finite numbers that a key accepts. Without an upper bound, {@code max} is infinite. */
public record Range(double min, boolean includesMin, double max, boolean includesMax) {

    static final Range POSITIVE = new Range(0, false, Double.POSITIVE_INFINITY, false);
    static final Range NOT_NEGATIVE = new Range(0, true, Double.POSITIVE_INFINITY, false);
    static final Range AT_LEAST_ONE = new Range(1, true, Double.POSITIVE_INFINITY, false);
    static final Range PROBABILITY = new Range(0, true, 1, false);
    static final Range SHARE = new Range(0, true, 1, true);
    static final Range FRACTION = new Range(0, false, 1, false);
    static final Range PERCENTILE = new Range(0, false, 100, true);

    boolean contains(double x) {
        return Double.isFinite(x) && (includesMin ? x >= min : x > min) && (includesMax ? x <= max : x < max);
    }

    String words() {
        String upper =
                max == Double.POSITIVE_INFINITY ? "" : (includesMax ? " and at most " : " and below ") + (long) max;
        return "a number " + (includesMin ? "of at least " : "above ") + (long) min + upper;
    }
}
