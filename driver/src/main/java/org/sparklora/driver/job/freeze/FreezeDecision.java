package org.sparklora.driver.job.freeze;

import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import org.sparklora.worker.contract.FreezeState;

/**
 * The decision of a policy before one step.
 *
 * @param state the state of the next steps
 * @param transitions the moves that lead to the state, in order; empty if nothing changes
 * @param restoreEpoch values, moments and step counts first become those of the end of this epoch, in which every group had
 *     its present state
 * @param stop why the run ends before the step; empty: it continues
 */
public record FreezeDecision(
        FreezeState state, List<Transition> transitions, OptionalInt restoreEpoch, Optional<String> stop) {

    /** @throws IllegalArgumentException for a decision that both ends the run and moves groups */
    public FreezeDecision {
        transitions = List.copyOf(transitions);
        if (stop.isPresent() && (restoreEpoch.isPresent() || !transitions.isEmpty())) {
            throw new IllegalArgumentException("a run that ends here moves no group and restores nothing");
        }
    }

    /** The run continues. */
    public static FreezeDecision goOn(FreezeState state, List<Transition> transitions) {
        return new FreezeDecision(state, transitions, OptionalInt.empty(), Optional.empty());
    }

    /** The run ends. */
    static FreezeDecision stop(FreezeState state, String reason) {
        return new FreezeDecision(state, List.of(), OptionalInt.empty(), Optional.of(reason));
    }

    /** This decision after restoring the end of an earlier epoch. */
    FreezeDecision restoring(int epoch) {
        return new FreezeDecision(state, transitions, OptionalInt.of(epoch), stop);
    }

    /** All reasons in one sentence, each once; {@code no change} without any. */
    public String reason() {
        return stop.orElseGet(() -> transitions.isEmpty()
                ? "no change"
                : transitions.stream().map(Transition::reason).distinct().collect(Collectors.joining("; ")));
    }
}
