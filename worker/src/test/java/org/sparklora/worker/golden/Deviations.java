package org.sparklora.worker.golden;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;

/** Collects every quantity that is off by more than its limit, so that one run shows all of them. */
final class Deviations {

    private final List<String> tooLarge = new ArrayList<>();
    private int compared;

    /** |actual − expected| ≤ limit. */
    void absolute(String what, double actual, double expected, double limit) {
        compared++;
        double off = Math.abs(actual - expected);
        // Negated, so that NaN counts as too large.
        if (!(off <= limit)) {
            tooLarge.add(what + ": " + actual + " instead of " + expected + ", off by " + off + " > " + limit);
        }
    }

    /** Each element within the limit. */
    void absolute(String what, float[] actual, float[] expected, double limit) {
        assertThat(actual).as(what).hasSameSizeAs(expected);
        double worst = 0;
        for (int i = 0; i < actual.length; i++) {
            double off = Math.abs((double) actual[i] - expected[i]);
            worst = off <= worst ? worst : off;
        }
        absolute(what + " (largest element difference)", worst, 0, limit);
    }

    /** ‖actual − expected‖ ≤ limit · max(‖expected‖, floor). */
    void relativeL2(String what, float[] actual, float[] expected, double limit, double floor) {
        assertThat(actual).as(what).hasSameSizeAs(expected);
        double difference = 0;
        double norm = 0;
        for (int i = 0; i < actual.length; i++) {
            double off = actual[i] - (double) expected[i];
            difference += off * off;
            norm += (double) expected[i] * expected[i];
        }
        absolute(what + " (relative L2)", Math.sqrt(difference) / Math.max(Math.sqrt(norm), floor), 0, limit);
    }

    void assertNone() {
        assertThat(compared).as("compared quantities").isPositive();
        assertThat(tooLarge).isEmpty();
    }
}
