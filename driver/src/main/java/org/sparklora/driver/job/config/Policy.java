package org.sparklora.driver.job.config;

/** The policies that decide when groups freeze and thaw. */
public enum Policy {
    /** Groups change state only at the schedule's events. */
    EPOCHS(PolicyConfig.Epochs.class),
    /** One more group thaws every few epochs. */
    GRADUAL(PolicyConfig.Gradual.class),
    /** One more group thaws whenever a metric has stopped improving. */
    PLATEAU(PolicyConfig.Plateau.class),
    /** A few groups train at random, drawn again every few steps. */
    LISA(PolicyConfig.Lisa.class),
    /** Groups freeze once their gradient has settled. */
    AUTOFREEZE(PolicyConfig.Autofreeze.class);

    private final Class<? extends PolicyConfig> config;

    Policy(Class<? extends PolicyConfig> config) {
        this.config = config;
    }

    /** The word in the job file. */
    public String label() {
        return YamlSection.word(this);
    }

    /** The record with the policy's keys. */
    Class<? extends PolicyConfig> config() {
        return config;
    }
}
