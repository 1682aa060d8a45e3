package org.sparklora.driver.job.config;

/** What decides when groups freeze and thaw. */
public enum Policy {
    /** The events of the schedule, and nothing else. */
    EPOCHS,
    /** One more group every few epochs. */
    GRADUAL,
    /** One more group whenever a metric has stopped improving. */
    PLATEAU,
    /** A few groups at random, drawn anew every few steps. */
    LISA,
    /** Groups freeze once their gradient has settled. */
    AUTOFREEZE;

    /** The word in the job file. */
    public String label() {
        return YamlSection.word(this);
    }
}
