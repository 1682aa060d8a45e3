package org.sparklora.driver.job.freeze;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeMap;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;

/**
 * Decides which groups are live: before each epoch, and before the steps in {@link #decisionSteps}. A pure function: equal
 * arguments give equal decisions.
 */
public sealed interface FreezePolicy permits EpochSchedule, GradualThaw, ThawOnPlateau, Lisa, AutoFreeze, WithEvents {

    /** Groups that are live at the start. */
    List<String> live();

    /** The groups that this policy moves by its own rule, the top one first; empty: none. */
    List<String> groups();

    /** The groups of the policy that are not live at the start, the top one first. */
    default List<String> waiting() {
        return groups().stream().filter(group -> !live().contains(group)).toList();
    }

    /**
     * Which of the {@link #waiting} groups one is, from 1; 0 for a group that is live at the start.
     *
     * @throws IllegalArgumentException for a group that the policy does not know
     */
    default long turn(String group) {
        if (!live().contains(group) && !groups().contains(group)) {
            throw new IllegalArgumentException("'" + group + "' is not one of schedule.groups " + groups());
        }
        return waiting().indexOf(group) + 1L;
    }

    /**
     * The steps of an epoch, above 0 and below {@code stepsPerEpoch}, before which the policy decides again. Before the
     * epoch it always decides.
     */
    default SortedSet<Integer> decisionSteps(int epoch, int stepsPerEpoch) {
        return Collections.emptySortedSet();
    }

    /**
     * The decision before one step.
     *
     * @param now the state so far, or {@link #initial} before the first epoch
     * @param at the step that comes next
     * @param seen what the finished epochs showed, in order; empty before the first
     * @throws IllegalStateException if the state does not allow a move of the policy, or the epochs lack a metric that it
     *     needs
     */
    FreezeDecision next(FreezeState now, StepPosition at, List<EpochMetrics> seen);

    /** Whether decisions depend on metrics. If not, {@link Replay} computes them before the run. */
    default boolean needsMetrics() {
        return false;
    }

    /**
     * The epoch whose final state a later decision may {@link FreezeDecision#restoreEpoch restore}. The state of the epoch
     * returned before is not needed any more.
     *
     * @param seen what the finished epochs showed, in order; not empty
     */
    default OptionalInt restorable(List<EpochMetrics> seen) {
        return OptionalInt.empty();
    }

    /**
     * A policy that depends on no metric and moves each group as early as this one ever may; a plan shows it before the run.
     */
    default FreezePolicy atTheEarliest() {
        return this;
    }

    /** The same as late as this one may; a move that may never happen is left out. */
    default FreezePolicy atTheLatest() {
        return this;
    }

    /** The first epoch before which this policy may end the run; empty: never. */
    default OptionalLong mayEndBefore() {
        return OptionalLong.empty();
    }

    /** Factor on a group's learning rate, the same for the whole run. */
    default double learningRateFactor(String group) {
        return 1.0;
    }

    /** Groups that an event declares at this position; until then they are dormant, as if declared from the start. */
    default List<String> added(StepPosition at) {
        return List.of();
    }

    /** What is wrong with this policy's own settings, one line each. The job file has checked that its groups exist. */
    default List<String> problems() {
        return List.of();
    }

    /**
     * The events that a run cannot carry out, one line each. What {@link #neverReached} lists does not happen, and the other
     * moves must be legal without it.
     *
     * @param trained groups whose B from {@code init_adapter} is not zero
     */
    default List<String> problems(Set<String> groups, Set<String> trained, int stepsPerEpoch) {
        return List.of();
    }

    /** Moves that a run of this length never reaches, one line each. They are warnings only. */
    default List<String> neverReached(RunLength length) {
        return List.of();
    }

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
