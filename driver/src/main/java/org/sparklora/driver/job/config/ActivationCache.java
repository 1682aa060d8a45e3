package org.sparklora.driver.job.config;

/** Whether and where trunk activations are cached between epochs. */
public enum ActivationCache {
    AUTO,
    OFF,
    MEMORY,
    DISK
}
