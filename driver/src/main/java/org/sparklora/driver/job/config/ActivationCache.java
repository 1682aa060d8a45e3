package org.sparklora.driver.job.config;

/** Whether the output of the frozen prefix is kept between epochs, and where. */
public enum ActivationCache {
    AUTO,
    OFF,
    MEMORY,
    DISK
}
