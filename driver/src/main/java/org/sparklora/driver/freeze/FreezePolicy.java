package org.sparklora.driver.freeze;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;

/** Decides before each epoch which groups are live. Pure: equal arguments give equal decisions. */
public sealed interface FreezePolicy permits EpochSchedule {

    /** Groups that are live at the start. */
    List<String> live();

    /**
     * The decision for one epoch.
     *
     * @param now the state at the end of the epoch before, or {@link #initial} before the first
     * @param epoch the epoch about to run, from 0
     * @param seen what the finished epochs showed, in order; empty before the first
     * @throws IllegalStateException when the policy asks for a move that the state does not allow
     */
    FreezeDecision next(FreezeState now, int epoch, List<EpochMetrics> seen);

    /**
     * Everything wrong with this policy for a run's groups, one line each; empty when it can run.
     *
     * @param trained groups whose B from {@code init_adapter} is not zero
     */
    List<String> problems(Set<String> groups, Set<String> trained);

    /**
     * The state before the first epoch: what {@link #live} names is live; any other group is dormant, unless it starts
     * with B ≠ 0, which makes it frozen: it contributes to the forward pass.
     *
     * @param trained groups whose B from {@code init_adapter} is not zero
     */
    default FreezeState initial(Set<String> groups, Set<String> trained) {
        Map<String, GroupState> states = new TreeMap<>();
        for (String group : groups) {
            GroupState rest = trained.contains(group) ? GroupState.FROZEN : GroupState.DORMANT;
            states.put(group, live().contains(group) ? GroupState.LIVE : rest);
        }
        return FreezeState.of(states);
    }
}
