package org.sparklora.driver.tracking;

/** How a run ended. */
public enum Outcome {
    FINISHED,
    FAILED,
    CANCELLED
}
