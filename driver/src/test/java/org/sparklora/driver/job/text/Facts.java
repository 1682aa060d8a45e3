package org.sparklora.driver.job.text;

import static org.assertj.core.api.Assertions.assertThat;

import org.assertj.core.api.ThrowingConsumer;

/** What tests ask of a line for people, whatever its wording: facts such as keys and numbers, and the code of an error. */
public final class Facts {

    private Facts() {}

    /** A line that contains each of these facts. */
    public static ThrowingConsumer<String> line(String... facts) {
        return line -> assertThat(line).contains(facts);
    }

    /** An error's line: it ends with a code in square brackets and has these facts in this order. */
    public static ThrowingConsumer<String> problem(String code, String... facts) {
        return line -> {
            assertThat(line).endsWith("[" + code + "]");
            assertThat(line).containsSubsequence(facts);
        };
    }
}
