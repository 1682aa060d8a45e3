package org.sparklora.driver.job.freeze;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.sparklora.worker.contract.FreezeState;

/**
 * A policy together with events for groups that the policy does not move. At one position the policy comes first.
 *
 * <p>An event is never undone: if one has moved a group since the epoch that the policy would restore, nothing is restored,
 * and the reason says so.
 *
 * @param events its {@link EpochSchedule#live} is the policy's
 */
public record WithEvents(FreezePolicy policy, EpochSchedule events) implements FreezePolicy {

    /** @throws IllegalArgumentException if policy and events start with different groups live */
    public WithEvents {
        if (!policy.live().equals(events.live())) {
            throw new IllegalArgumentException(
                    "the policy starts with " + policy.live() + " live, its events with " + events.live());
        }
    }

    @Override
    public List<String> live() {
        return policy.live();
    }

    @Override
    public List<String> groups() {
        return policy.groups();
    }

    @Override
    public SortedSet<Integer> decisionSteps(int epoch, int stepsPerEpoch) {
        SortedSet<Integer> steps = new TreeSet<>(policy.decisionSteps(epoch, stepsPerEpoch));
        steps.addAll(events.decisionSteps(epoch, stepsPerEpoch));
        return steps;
    }

    @Override
    public FreezeDecision next(FreezeState now, StepPosition at, List<EpochMetrics> seen) {
        FreezeDecision first = policy.next(now, at, seen);
        if (first.stop().isPresent()) {
            return first;
        }
        OptionalInt restore = first.restoreEpoch();
        List<Transition> transitions = new ArrayList<>(first.transitions());
        if (restore.isPresent() && events.movesBetween(restore.getAsInt(), at)) {
            transitions.replaceAll(move -> move.because(move.reason() + " (epoch "
                    + first.restoreEpoch().getAsInt() + " is not restored: events have moved groups since)"));
            restore = OptionalInt.empty();
        }
        FreezeDecision second = events.next(first.state(), at, seen);
        transitions.addAll(second.transitions());
        return new FreezeDecision(second.state(), transitions, restore, first.stop());
    }

    @Override
    public boolean needsMetrics() {
        return policy.needsMetrics();
    }

    @Override
    public OptionalInt restorable(List<EpochMetrics> seen) {
        return policy.restorable(seen);
    }

    @Override
    public FreezePolicy atTheEarliest() {
        return new WithEvents(policy.atTheEarliest(), events);
    }

    @Override
    public FreezePolicy atTheLatest() {
        return new WithEvents(policy.atTheLatest(), events);
    }

    @Override
    public OptionalLong mayEndBefore() {
        return policy.mayEndBefore();
    }

    @Override
    public double learningRateFactor(String group) {
        return policy.learningRateFactor(group);
    }

    @Override
    public List<String> added(StepPosition at) {
        return events.added(at);
    }

    @Override
    public List<String> problems() {
        return policy.problems();
    }

    @Override
    public List<String> problems(Set<String> groups, Set<String> trained, int stepsPerEpoch) {
        return events.problems(groups, trained, stepsPerEpoch);
    }

    @Override
    public List<String> neverReached(RunLength length) {
        return Stream.concat(policy.neverReached(length).stream(), events.neverReached(length).stream())
                .toList();
    }
}
