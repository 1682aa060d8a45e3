package org.sparklora.driver.cluster.data;

import java.io.Serializable;
import org.jspecify.annotations.Nullable;

/** The content of a row as text; null where the row has no value. */
final class RowText implements Serializable {

    private static final long serialVersionUID = 1L;

    final @Nullable String text;
    final @Nullable String pair;
    final @Nullable String label;
    final @Nullable String weight;

    RowText(@Nullable String text, @Nullable String pair, @Nullable String label, @Nullable String weight) {
        this.text = missing(text);
        this.pair = missing(pair);
        this.label = missing(label);
        this.weight = missing(weight);
    }

    private static @Nullable String missing(@Nullable String value) {
        return value == null || value.isEmpty() ? null : value;
    }
}
