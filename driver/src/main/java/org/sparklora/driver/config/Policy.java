package org.sparklora.driver.config;

/** What decides when groups freeze and thaw. */
public enum Policy {
    /** The events of the schedule, and nothing else. */
    EPOCHS,
    GRADUAL,
    PLATEAU,
    LISA,
    AUTOFREEZE
}
