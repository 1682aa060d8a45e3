package org.sparklora.driver.job.config;

/** The order in which examples are seen. */
public enum DataOrder {
    /** Anew each epoch, by keys of seed and content. */
    SHUFFLED,
    /** Files by path, rows by line, the same each epoch. */
    GIVEN
}
