package org.sparklora.driver.config;

/** What becomes of a group's optimizer state when it thaws again. */
public enum OptimizerStateOnThaw {
    /** Moments and step count continue, as PyTorch's AdamW does for parameters that rested. */
    KEEP,
    /** Moments and step count start at zero. */
    FRESH,
    /** Moments are scaled by 0.1. */
    DECAY
}
