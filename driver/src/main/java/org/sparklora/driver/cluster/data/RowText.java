package org.sparklora.driver.cluster.data;

import java.io.Serializable;
import org.jspecify.annotations.Nullable;

/** The content of a row as text; null where the row has no value. */
record RowText(
        @Nullable String text,
        @Nullable String pair,
        @Nullable String label,
        @Nullable String weight) implements Serializable {

    RowText {
        text = missing(text);
        pair = missing(pair);
        label = missing(label);
        weight = missing(weight);
    }

    private static @Nullable String missing(@Nullable String value) {
        return value == null || value.isEmpty() ? null : value;
    }
}
