package org.sparklora.worker.contract;

import java.io.Serializable;

/**
 * What a task slot's clock shows, and how fast the slot computes.
 *
 * @param millis since the epoch
 * @param workNanos the time of a fixed computation, while all slots do it; the least of several
 */
public record ClockReading(String host, long millis, long workNanos) implements Serializable {}
