package org.sparklora.driver.job.config;

import java.util.function.DoublePredicate;

/** What a number may be, in words for messages and as a test. */
record Range(String words, DoublePredicate test) {

    static final Range POSITIVE = new Range("a number above 0", x -> x > 0);
    static final Range POSITIVE_OR_NULL = new Range("a number above 0, or null for none", x -> x > 0);
    static final Range NOT_NEGATIVE = new Range("a number of at least 0", x -> x >= 0);
    static final Range PROBABILITY = new Range("a number of at least 0 and below 1", x -> x >= 0 && x < 1);
    static final Range FRACTION = new Range("a number above 0 and below 1", x -> x > 0 && x < 1);

    /** Whether a number is finite and in the range. */
    boolean holds(double x) {
        return Double.isFinite(x) && test.test(x);
    }
}
