package org.sparklora.driver.watch.tracking;

/** How a run ended. */
public enum Outcome {
    FINISHED,
    FAILED,
    CANCELLED
}
