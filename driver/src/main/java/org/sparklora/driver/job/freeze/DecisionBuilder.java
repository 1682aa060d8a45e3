package org.sparklora.driver.job.freeze;

import java.util.ArrayList;
import java.util.List;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.OptimizerStateOnThaw;

/** Builds a decision move by move and checks that each move is legal. */
final class DecisionBuilder {

    private final StepPosition at;
    private final List<Transition> transitions = new ArrayList<>();
    private FreezeState state;

    DecisionBuilder(FreezeState state, StepPosition at) {
        this.state = state;
        this.at = at;
    }

    /** @throws IllegalStateException if the group is live already */
    DecisionBuilder thaw(String group, OptimizerStateOnThaw optimizerState, String reason) {
        return move(group, GroupState.LIVE, optimizerState, reason);
    }

    /** @throws IllegalStateException if the group is not live */
    DecisionBuilder freeze(String group, String reason) {
        return move(group, GroupState.FROZEN, OptimizerStateOnThaw.KEEP, reason);
    }

    private DecisionBuilder move(String group, GroupState to, OptimizerStateOnThaw optimizerState, String reason) {
        GroupState from = state.of(group);
        if (!from.mayBecome(to)) {
            throw new IllegalStateException("group '" + group + "' cannot become " + to.label() + " before " + at
                    + ": it is " + from.label() + " then (" + reason + ")");
        }
        state = state.with(group, to);
        transitions.add(new Transition(group, from, to, optimizerState, reason));
        return this;
    }

    FreezeDecision decision() {
        return FreezeDecision.goOn(state, transitions);
    }
}
