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
 * Decides which groups are live: before each epoch, and before the steps that {@link #stops} names. Pure: equal arguments
 * give equal decisions.
 */
public sealed interface FreezePolicy permits EpochSchedule, GradualThaw, ThawOnPlateau, Lisa, AutoFreeze, WithEvents {

    /** Groups that are live at the start. */
    List<String> live();

    /** The groups that this policy moves of its own accord, the top one first; empty: it moves none. */
    List<String> groups();

    /**
     * Steps of an epoch, above 0 and below {@code stepsPerEpoch}, before which {@link #next} is asked as it is before the
     * epoch.
     */
    default SortedSet<Integer> stops(int epoch, int stepsPerEpoch) {
        return Collections.emptySortedSet();
    }

    /**
     * The decision for one moment.
     *
     * @param now the state so far, or {@link #initial} before the first epoch
     * @param at the step that comes next
     * @param seen what the finished epochs showed, in order; empty before the first
     * @throws IllegalStateException when the policy asks for a move that the state does not allow, or needs a metric that
     *     the epochs do not have
     */
    FreezeDecision next(FreezeState now, StepPosition at, List<EpochMetrics> seen);

    /** Whether decisions hang on what epochs show. Without that {@link Replay} can tell them before the run. */
    default boolean needsMetrics() {
        return false;
    }

    /**
     * The epoch whose final state a later decision may {@link FreezeDecision#restoreEpoch restore}; the one kept before it
     * is not asked for any more.
     *
     * @param seen what the finished epochs showed, in order; not empty
     */
    default OptionalInt restorable(List<EpochMetrics> seen) {
        return OptionalInt.empty();
    }

    /**
     * A policy that hangs on no metric and moves each group as early as this one ever may: what a plan can tell beforehand.
     */
    default FreezePolicy atTheEarliest() {
        return this;
    }

    /** The same as late as this one may; a move that may never come does not come. */
    default FreezePolicy atTheLatest() {
        return this;
    }

    /** The first epoch before which this policy may end the run; empty: it never does. */
    default OptionalLong mayEndBefore() {
        return OptionalLong.empty();
    }

    /** Factor on a group's learning rate, the same for the whole run. */
    default double learningRateFactor(String group) {
        return 1.0;
    }

    /** Groups that are declared only at this moment; they have been dormant so far, as if declared from the start. */
    default List<String> added(StepPosition at) {
        return List.of();
    }

    /**
     * Everything wrong with this policy for a run's groups, one line each; empty when it can run.
     *
     * @param trained groups whose B from {@code init_adapter} is not zero
     */
    List<String> problems(Set<String> groups, Set<String> trained);

    /**
     * The same for a run whose steps are known: what {@link #neverReached} lists does not happen, and what follows must be
     * legal without it.
     */
    default List<String> problems(Set<String> groups, Set<String> trained, int stepsPerEpoch) {
        return problems(groups, trained);
    }

    /** What of this policy a run of this length never gets to, one line each. Nothing that keeps a run from starting. */
    default List<String> neverReached(int epochs, int stepsPerEpoch) {
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
