package org.sparklora.driver.config;

/** Where executors compute. */
public enum ComputeDevice {
    CPU,
    GPU
}
