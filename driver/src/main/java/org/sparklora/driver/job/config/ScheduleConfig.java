package org.sparklora.driver.job.config;

import java.util.List;
import org.sparklora.driver.job.freeze.EpochSchedule;
import org.sparklora.driver.job.freeze.FreezePolicy;
import org.sparklora.driver.job.freeze.WithEvents;

/**
 * Which groups train in which epochs.
 *
 * @param policy without the schedule's events
 * @param events in the file's order, not necessarily that of epochs; legal when applied in the order of epochs and steps
 */
public record ScheduleConfig(FreezePolicy policy, List<EpochSchedule.Event> events) {

    public ScheduleConfig {
        events = List.copyOf(events);
    }

    /** The policy in the job file. */
    public Policy kind() {
        return Policy.of(policy);
    }

    /** Groups that are live at the start; may be empty. */
    public List<String> live() {
        return policy.live();
    }

    /** The groups that the policy acts on, the top one first; empty with {@link Policy#EPOCHS}. */
    public List<String> groups() {
        return policy.groups();
    }

    /** The freeze policy of a run. */
    public FreezePolicy freezePolicy() {
        EpochSchedule schedule = new EpochSchedule(live(), events);
        if (kind() == Policy.EPOCHS) {
            return schedule;
        }
        return events.isEmpty() ? policy : new WithEvents(policy, schedule);
    }
}
