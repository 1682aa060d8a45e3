package org.sparklora.driver.job.freeze;

import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import org.sparklora.worker.contract.FreezeState;

/**
 * What a policy decided for a moment.
 *
 * @param state the state that the next steps run with
 * @param transitions how the state came about, in order; empty when nothing changes
 * @param restoreEpoch before the transitions values, moments and step counts become what they were at the end of this
 *     epoch; every group was in the same state then as it is now
 * @param stop why the run ends here, before the moment's step; empty: it goes on
 */
public record FreezeDecision(
        FreezeState state, List<Transition> transitions, OptionalInt restoreEpoch, Optional<String> stop) {

    /** @throws IllegalArgumentException for a run that is to end and to move groups as well */
    public FreezeDecision {
        transitions = List.copyOf(transitions);
        if (stop.isPresent() && (restoreEpoch.isPresent() || !transitions.isEmpty())) {
            throw new IllegalArgumentException("a run that ends here moves no group and restores nothing");
        }
    }

    /** The run goes on; empty transitions: as before. */
    public static FreezeDecision goOn(FreezeState state, List<Transition> transitions) {
        return new FreezeDecision(state, transitions, OptionalInt.empty(), Optional.empty());
    }

    /** The run ends. */
    static FreezeDecision stop(FreezeState state, String reason) {
        return new FreezeDecision(state, List.of(), OptionalInt.empty(), Optional.of(reason));
    }

    /** This decision on top of an earlier epoch's end. */
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
