package org.sparklora.driver.job.config;

import java.util.List;
import org.sparklora.driver.job.freeze.EpochSchedule;
import org.sparklora.driver.job.freeze.FreezePolicy;
import org.sparklora.driver.job.freeze.WithEvents;

/**
 * Which groups train in which epochs.
 *
 * @param live groups that are live at the start; may be empty
 * @param groups the groups that the policy acts on, the top one first; empty with {@link Policy#EPOCHS}
 * @param events in the file's order, not necessarily that of epochs; legal when applied in the order of epochs and steps
 */
public record ScheduleConfig(
        PolicyConfig policy, List<String> live, List<String> groups, List<EpochSchedule.Event> events) {

    public ScheduleConfig {
        live = List.copyOf(live);
        groups = List.copyOf(groups);
        events = List.copyOf(events);
    }

    /** The freeze policy of a run. */
    public FreezePolicy freezePolicy(long seed) {
        EpochSchedule schedule = new EpochSchedule(live, events);
        if (policy.kind() == Policy.EPOCHS) {
            return schedule;
        }
        FreezePolicy alone = policy.policy(live, groups, seed);
        return events.isEmpty() ? alone : new WithEvents(alone, schedule);
    }
}
