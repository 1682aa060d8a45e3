package org.sparklora.worker.contract;

import java.io.Serializable;

/**
 * What an executor's clock shows.
 *
 * @param millis since the epoch
 */
public record ClockReading(String host, long millis) implements Serializable {}
