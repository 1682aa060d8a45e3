package org.sparklora.driver.job.freeze;

import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.OptimizerStateOnThaw;

/**
 * One group changes its state.
 *
 * @param optimizerState what a thaw does with the optimizer's state; a freeze always keeps it
 * @param reason for the history and for people, e.g. {@code schedule.events[0]: thaw before epoch 2}
 */
public record Transition(
        String group, GroupState from, GroupState to, OptimizerStateOnThaw optimizerState, String reason) {

    /** @throws IllegalArgumentException if the states do not allow the move */
    public Transition {
        if (!from.mayBecome(to)) {
            throw new IllegalArgumentException(
                    "group '" + group + "' is " + from.label() + " and cannot become " + to.label());
        }
    }

    /** The same move for another reason. */
    Transition because(String other) {
        return new Transition(group, from, to, optimizerState, other);
    }

    /** Whether this makes the group live. */
    public boolean isThaw() {
        return to == GroupState.LIVE;
    }
}
