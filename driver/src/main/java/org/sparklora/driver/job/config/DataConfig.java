package org.sparklora.driver.job.config;

import java.util.Optional;

/**
 * What the job trains and validates on.
 *
 * @param groupByLength whether a shard's examples are bucketed by length; always false with order {@code given}
 */
public record DataConfig(
        SourceConfig train, Optional<ValidationConfig> validation, DataOrder order, boolean groupByLength) {}
