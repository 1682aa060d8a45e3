package org.sparklora.driver.job.freeze;

import java.util.ArrayList;
import java.util.List;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.OptimizerStateOnThaw;

/** Makes a decision move by move. */
final class DecisionBuilder {

    private final StepPosition at;
    private final List<Transition> transitions = new ArrayList<>();
    private FreezeState state;

    DecisionBuilder(FreezeState state, StepPosition at) {
        this.state = state;
        this.at = at;
    }

    /** @throws IllegalStateException when the group is live already */
    DecisionBuilder thaw(String group, OptimizerStateOnThaw kept, String reason) {
        return move(group, GroupState.LIVE, kept, reason);
    }

    /** @throws IllegalStateException when the group is not live */
    DecisionBuilder freeze(String group, String reason) {
        return move(group, GroupState.FROZEN, OptimizerStateOnThaw.KEEP, reason);
    }

    private DecisionBuilder move(String group, GroupState to, OptimizerStateOnThaw kept, String reason) {
        GroupState from = state.of(group);
        if (!from.mayBecome(to)) {
            throw new IllegalStateException("group '" + group + "' cannot become " + to.label() + " before " + at
                    + ": it is " + from.label() + " then (" + reason + ")");
        }
        state = state.with(group, to);
        transitions.add(new Transition(group, from, to, kept, reason));
        return this;
    }

    FreezeDecision decision() {
        return FreezeDecision.goOn(state, transitions);
    }
}
