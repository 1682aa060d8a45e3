package org.sparklora.driver.job.config;

import java.util.Arrays;
import org.sparklora.driver.job.freeze.AutoFreeze;
import org.sparklora.driver.job.freeze.EpochSchedule;
import org.sparklora.driver.job.freeze.FreezePolicy;
import org.sparklora.driver.job.freeze.GradualThaw;
import org.sparklora.driver.job.freeze.Lisa;
import org.sparklora.driver.job.freeze.ThawOnPlateau;

/** The policies that decide when groups freeze and thaw. */
public enum Policy {
    /** Groups change state only at the schedule's events. */
    EPOCHS(EpochSchedule.class),
    /** One more group thaws every few epochs. */
    GRADUAL(GradualThaw.class),
    /** One more group thaws whenever a metric has stopped improving. */
    PLATEAU(ThawOnPlateau.class),
    /** A few groups train at random, drawn again every few steps. */
    LISA(Lisa.class),
    /** Groups freeze once their gradient has settled. */
    AUTOFREEZE(AutoFreeze.class);

    private final Class<? extends FreezePolicy> type;

    Policy(Class<? extends FreezePolicy> type) {
        this.type = type;
    }

    /** The policy in the job file. */
    static Policy of(FreezePolicy policy) {
        return Arrays.stream(values())
                .filter(kind -> kind.type == policy.getClass())
                .findFirst()
                .orElseThrow();
    }

    /** The word in the job file. */
    public String label() {
        return YamlSection.word(this);
    }

    /** The record with the policy's keys. */
    Class<? extends FreezePolicy> type() {
        return type;
    }
}
