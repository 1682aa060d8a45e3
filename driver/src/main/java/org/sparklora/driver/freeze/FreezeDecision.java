package org.sparklora.driver.freeze;

import java.util.List;
import java.util.stream.Collectors;
import org.sparklora.worker.contract.FreezeState;

/**
 * What a policy decided for an epoch.
 *
 * @param state the state that the epoch runs with
 * @param transitions how the state came about, in order; empty when nothing changes
 */
public record FreezeDecision(FreezeState state, List<Transition> transitions) {

    public FreezeDecision {
        transitions = List.copyOf(transitions);
    }

    /** All reasons in one sentence, each once; {@code no change} without any. */
    public String reason() {
        return transitions.isEmpty()
                ? "no change"
                : transitions.stream().map(Transition::reason).distinct().collect(Collectors.joining("; "));
    }
}
