package org.sparklora.driver.job.config;

/** Where executors compute. */
public enum ComputeDevice {
    CPU,
    GPU
}
