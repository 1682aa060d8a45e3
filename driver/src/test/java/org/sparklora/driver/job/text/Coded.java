package org.sparklora.driver.job.text;

import static org.assertj.core.api.Assertions.assertThat;

import org.assertj.core.api.ThrowingConsumer;

/** What tests ask of an error line: its code at the end, and facts such as keys and numbers, in order. */
public final class Coded {

    private Coded() {}

    /** A line that ends with a code in square brackets and has these facts in this order. */
    public static ThrowingConsumer<String> problem(String code, String... facts) {
        return line -> {
            assertThat(line).endsWith("[" + code + "]");
            assertThat(line).containsSubsequence(facts);
        };
    }
}
