package org.sparklora.driver.config;

import java.util.List;
import java.util.OptionalInt;
import org.sparklora.worker.contract.OptimizerStateOnThaw;

/**
 * A change of live groups, before an epoch or before a step of it.
 *
 * @param epoch from 0
 * @param step step of the epoch, from 0; empty: before the epoch
 * @param thaw groups that become live
 * @param freeze groups that become frozen; shares no group with {@code thaw}
 * @param optimizerState what becomes of the moments of the groups that thaw
 */
public record ScheduleEvent(
        int epoch, OptionalInt step, List<String> thaw, List<String> freeze, OptimizerStateOnThaw optimizerState) {

    public ScheduleEvent {
        thaw = List.copyOf(thaw);
        freeze = List.copyOf(freeze);
    }
}
