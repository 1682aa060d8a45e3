package org.sparklora.driver.job.freeze;

import static org.assertj.core.api.Assertions.assertThat;

import org.assertj.core.api.ThrowingConsumer;

/** Checks the facts in a line for people, whatever its wording. */
public final class Facts {

    private Facts() {}

    /** A line that contains each of these facts. */
    public static ThrowingConsumer<String> line(String... facts) {
        return line -> assertThat(line).contains(facts);
    }
}
