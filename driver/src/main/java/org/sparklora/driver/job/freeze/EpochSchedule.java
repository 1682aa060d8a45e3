package org.sparklora.driver.job.freeze;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.OptimizerStateOnThaw;

/**
 * The policy {@code epochs}: groups thaw and freeze before the epochs, and before the steps of epochs, that the job names.
 *
 * <p>Events of one moment apply in the order of the list; an event that both thaws and freezes thaws first.
 */
public record EpochSchedule(List<String> live, List<Event> events) implements FreezePolicy {

    public EpochSchedule {
        live = List.copyOf(live);
        events = List.copyOf(events);
    }

    /**
     * When an event takes effect.
     *
     * @param epoch from 0
     * @param step of the epoch; 0: before the epoch
     */
    public record When(int epoch, int step) {

        boolean is(StepPosition at) {
            return epoch == at.epoch() && step == at.step();
        }

        @Override
        public String toString() {
            return step == 0 ? "epoch " + epoch : "step " + step + " of epoch " + epoch;
        }
    }

    /**
     * One entry of {@code schedule.events}.
     *
     * @param add groups that the job declares with this event; they have been dormant until then
     * @param optimizerState for the groups that thaw
     */
    public record Event(
            When when, List<String> add, List<String> thaw, List<String> freeze, OptimizerStateOnThaw optimizerState) {

        public Event {
            add = List.copyOf(add);
            thaw = List.copyOf(thaw);
            freeze = List.copyOf(freeze);
        }

        /** Groups thaw before an epoch. */
        public static Event thaw(int epoch, List<String> groups, OptimizerStateOnThaw optimizerState) {
            return new Event(new When(epoch, 0), List.of(), groups, List.of(), optimizerState);
        }

        /** Groups freeze before an epoch. */
        public static Event freeze(int epoch, List<String> groups) {
            return new Event(new When(epoch, 0), List.of(), List.of(), groups, OptimizerStateOnThaw.KEEP);
        }

        /** The same event before a step of its epoch. */
        public Event atStep(int step) {
            return new Event(new When(when.epoch, step), add, thaw, freeze, optimizerState);
        }
    }

    /**
     * A schedule that thaws some groups.
     *
     * @param epochs before which epoch each group thaws; empty: it does not
     */
    static EpochSchedule thawing(List<String> live, List<String> groups, Function<String, OptionalLong> epochs) {
        List<Event> events = new ArrayList<>();
        for (String group : groups) {
            // No run has more epochs.
            OptionalLong before = epochs.apply(group);
            if (before.orElse(Long.MAX_VALUE) <= Integer.MAX_VALUE) {
                events.add(Event.thaw((int) before.getAsLong(), List.of(group), OptimizerStateOnThaw.KEEP));
            }
        }
        return new EpochSchedule(live, events);
    }

    /** None: this policy moves the groups that its events name. */
    @Override
    public List<String> groups() {
        return List.of();
    }

    @Override
    public SortedSet<Integer> stops(int epoch, int stepsPerEpoch) {
        SortedSet<Integer> stops = new TreeSet<>();
        for (Event event : events) {
            int step = event.when().step();
            if (event.when().epoch() == epoch && step > 0 && step < stepsPerEpoch) {
                stops.add(step);
            }
        }
        return stops;
    }

    @Override
    public FreezeDecision next(FreezeState now, StepPosition at, List<EpochMetrics> seen) {
        List<String> problems = new ArrayList<>();
        Walk walk = new Walk(now, Set.of(), problems);
        for (int i = 0; i < events.size(); i++) {
            Event event = events.get(i);
            if (event.when().is(at)) {
                checkGroups(i, event, now.states().keySet(), problems);
                walk.apply(i, event);
            }
        }
        if (!problems.isEmpty()) {
            throw new IllegalStateException(String.join("\n", problems));
        }
        return FreezeDecision.goOn(walk.state, walk.transitions);
    }

    /** Whether an event moves a group after the end of one epoch and before a moment. */
    boolean moveBetween(int epoch, StepPosition at) {
        return events.stream()
                .filter(event -> !event.thaw().isEmpty() || !event.freeze().isEmpty())
                .map(Event::when)
                .anyMatch(when -> when.epoch() > epoch
                        && (when.epoch() < at.epoch() || (when.epoch() == at.epoch() && when.step() < at.step())));
    }

    @Override
    public List<String> added(StepPosition at) {
        return events.stream()
                .filter(event -> event.when().is(at))
                .flatMap(event -> event.add().stream())
                .toList();
    }

    @Override
    public List<String> problems(Set<String> groups, Set<String> trained) {
        return problems(groups, trained, Integer.MAX_VALUE);
    }

    @Override
    public List<String> problems(Set<String> groups, Set<String> trained, int stepsPerEpoch) {
        List<String> problems = new ArrayList<>();
        GroupNames.check("schedule.live", live, groups, problems);
        Set<String> later = new TreeSet<>();
        for (int i = 0; i < events.size(); i++) {
            Event event = events.get(i);
            String key = "schedule.events[" + i + "]";
            if (event.when().epoch() < 0) {
                problems.add(key + ".epoch=" + event.when().epoch() + " must not be negative");
            }
            if (event.when().step() < 0) {
                problems.add(key + ".step=" + event.when().step() + " must not be negative");
            }
            if (event.add().isEmpty()
                    && event.thaw().isEmpty()
                    && event.freeze().isEmpty()) {
                problems.add(key + " names no group; give thaw or freeze a list of groups");
            }
            checkGroups(i, event, groups, problems);
            for (String group : event.add()) {
                if (!later.add(group)) {
                    problems.add(key + ".add: another event adds group '" + group + "' too");
                } else if (live.contains(group)) {
                    problems.add(
                            key + ".add: group '" + group + "' cannot be live at the start as schedule.live has it");
                }
            }
        }
        Walk walk = new Walk(initial(groups, trained), later, problems);
        inTime().filter(i -> events.get(i).when().step() < stepsPerEpoch).forEach(i -> walk.apply(i, events.get(i)));
        return problems;
    }

    @Override
    public List<String> neverReached(int epochs, int stepsPerEpoch) {
        List<String> never = new ArrayList<>();
        for (int i = 0; i < events.size(); i++) {
            When when = events.get(i).when();
            if (when.epoch() >= epochs) {
                never.add("schedule.events[" + i + "] never happens: epoch " + when.epoch() + " is beyond the run's "
                        + epochs + " epochs, which count from 0");
            } else if (when.step() >= stepsPerEpoch) {
                never.add("schedule.events[" + i + "] never happens: step " + when.step() + " of epoch " + when.epoch()
                        + " is beyond an epoch's " + stepsPerEpoch + " steps, which count from 0");
            }
        }
        return never;
    }

    /** Indices of events, in the order in which they will happen. */
    private IntStream inTime() {
        return IntStream.range(0, events.size())
                .boxed()
                .sorted(Comparator.comparingInt(
                                (Integer i) -> events.get(i).when().epoch())
                        .thenComparingInt(i -> events.get(i).when().step()))
                .mapToInt(i -> i);
    }

    private static void checkGroups(int index, Event event, Set<String> groups, List<String> problems) {
        String key = "schedule.events[" + index + "]";
        GroupNames.check(key + ".add", event.add(), groups, problems);
        GroupNames.check(key + ".thaw", event.thaw(), groups, problems);
        GroupNames.check(key + ".freeze", event.freeze(), groups, problems);
    }

    /** Applies events to a state, one legal move after another; an illegal one becomes a problem and is left out. */
    private static final class Walk {

        private final Set<String> undeclared;
        private final List<String> problems;
        private final List<Transition> transitions = new ArrayList<>();
        private FreezeState state;

        /** @param undeclared groups that an event still has to add */
        Walk(FreezeState state, Set<String> undeclared, List<String> problems) {
            this.state = state;
            this.undeclared = new TreeSet<>(undeclared);
            this.problems = problems;
        }

        void apply(int index, Event event) {
            undeclared.removeAll(event.add());
            String key = "schedule.events[" + index + "]";
            move(key, "thaw", event.when(), event.thaw(), GroupState.LIVE, event.optimizerState());
            move(key, "freeze", event.when(), event.freeze(), GroupState.FROZEN, OptimizerStateOnThaw.KEEP);
        }

        private void move(
                String key, String verb, When when, List<String> groups, GroupState to, OptimizerStateOnThaw kept) {
            // A set, known names only: names listed twice and unknown ones have their own messages.
            for (String group : new TreeSet<>(groups)) {
                if (!state.states().containsKey(group)) {
                    continue;
                }
                GroupState from = state.of(group);
                if (undeclared.contains(group)) {
                    problems.add(key + ": cannot " + verb + " group '" + group + "' before " + when
                            + ": an event adds it only later");
                } else if (!from.mayBecome(to)) {
                    problems.add(key + ": cannot " + verb + " group '" + group + "' before " + when + ": it is "
                            + from.label() + " then");
                } else {
                    state = state.with(group, to);
                    transitions.add(new Transition(group, from, to, kept, key + ": " + verb + " before " + when));
                }
            }
        }
    }
}
