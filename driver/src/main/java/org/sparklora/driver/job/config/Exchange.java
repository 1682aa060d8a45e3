package org.sparklora.driver.job.config;

/** How gradients are summed over executors. */
public enum Exchange {
    AUTO,
    /** Executors exchange among themselves. */
    PEER,
    /** Through the driver. */
    DRIVER
}
