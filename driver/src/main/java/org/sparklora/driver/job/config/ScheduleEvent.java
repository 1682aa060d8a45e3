package org.sparklora.driver.job.config;

import java.util.List;
import java.util.OptionalInt;
import org.sparklora.driver.job.freeze.EpochSchedule;
import org.sparklora.worker.contract.OptimizerStateOnThaw;

/**
 * A change of live groups, before an epoch or before a step of it.
 *
 * @param epoch from 0
 * @param step step of the epoch, from 0; empty: before the epoch
 * @param add groups that this event declares, in the file's order; {@link LoraConfig#groups} has their definitions
 * @param thaw groups that become live
 * @param freeze groups that become frozen; shares no group with {@code thaw}
 * @param optimizerState what becomes of the moments of the groups that thaw
 */
public record ScheduleEvent(
        int epoch,
        OptionalInt step,
        List<String> add,
        List<String> thaw,
        List<String> freeze,
        OptimizerStateOnThaw optimizerState) {

    public ScheduleEvent {
        add = List.copyOf(add);
        thaw = List.copyOf(thaw);
        freeze = List.copyOf(freeze);
    }

    EpochSchedule.Event event() {
        return new EpochSchedule.Event(
                new EpochSchedule.When(epoch, step.orElse(0)), add, thaw, freeze, optimizerState);
    }

    /** When it takes effect, as messages say it. */
    String when() {
        int before = step.orElse(0);
        return "epoch " + epoch + (before == 0 ? "" : ", step " + before);
    }
}
