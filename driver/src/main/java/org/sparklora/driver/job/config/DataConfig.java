package org.sparklora.driver.job.config;

import java.util.Optional;
import java.util.OptionalInt;

/**
 * What the job trains and validates on.
 *
 * @param groupByLength whether a shard's examples are bucketed by length; always false with order {@code given}
 * @param keyed keys for a job that trains an adapter for each value of a column
 */
public record DataConfig(
        SourceConfig train,
        Optional<ValidationConfig> validation,
        DataOrder order,
        boolean groupByLength,
        Keyed keyed) {

    /**
     * One adapter for each value of a column.
     *
     * @param adapter the column; empty for a job that trains one adapter
     * @param minRows empty without the column
     * @param maxKeys empty without the column
     */
    public record Keyed(Optional<String> adapter, OptionalInt minRows, OptionalInt maxKeys) {

        /** A job that trains one adapter. */
        public static final Keyed NONE = new Keyed(Optional.empty(), OptionalInt.empty(), OptionalInt.empty());

        static final int MIN_ROWS = 1;
        static final int MAX_KEYS = 10_000;
    }
}
