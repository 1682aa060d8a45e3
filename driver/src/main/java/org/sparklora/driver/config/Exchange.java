package org.sparklora.driver.config;

/** How gradients are summed over executors. */
public enum Exchange {
    AUTO,
    /** Executors exchange among themselves. */
    PEER,
    /** Through the driver. */
    DRIVER
}
