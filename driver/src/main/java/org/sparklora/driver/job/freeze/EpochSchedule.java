package org.sparklora.driver.job.freeze;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
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
 * <p>Events of one position apply in the order of the list; an event that both thaws and freezes thaws first.
 */
public record EpochSchedule(List<String> live, List<Event> events) implements FreezePolicy {

    public EpochSchedule {
        live = List.copyOf(live);
        events = List.copyOf(events);
    }

    /**
     * One entry of {@code schedule.events}.
     *
     * @param epoch from 0
     * @param step of the epoch, before which the event takes effect; empty, like 0: before the epoch
     * @param add groups that the job declares with this event; they are dormant until an event thaws them
     * @param optimizerState what happens to the moments of the groups that thaw
     */
    public record Event(
            int epoch,
            OptionalInt step,
            List<String> add,
            List<String> thaw,
            List<String> freeze,
            OptimizerStateOnThaw optimizerState) {

        public Event {
            add = List.copyOf(add);
            thaw = List.copyOf(thaw);
            freeze = List.copyOf(freeze);
        }

        /** Thaws groups before an epoch. */
        public static Event thaw(int epoch, List<String> groups, OptimizerStateOnThaw optimizerState) {
            return new Event(epoch, OptionalInt.empty(), List.of(), groups, List.of(), optimizerState);
        }

        /** Freezes groups before an epoch. */
        public static Event freeze(int epoch, List<String> groups) {
            return new Event(epoch, OptionalInt.empty(), List.of(), List.of(), groups, OptimizerStateOnThaw.KEEP);
        }

        /** The same event before a step of its epoch. */
        public Event atStep(int other) {
            return new Event(epoch, OptionalInt.of(other), add, thaw, freeze, optimizerState);
        }

        int beforeStep() {
            return step.orElse(0);
        }

        boolean isAt(StepPosition at) {
            return epoch == at.epoch() && beforeStep() == at.step();
        }

        /** When it takes effect, for people. */
        public String when() {
            return beforeStep() == 0 ? "epoch " + epoch : "step " + beforeStep() + " of epoch " + epoch;
        }
    }

    /**
     * A move that a schedule must not make.
     *
     * @param event index of its event
     * @param key {@code thaw} or {@code freeze}
     * @param what what is wrong and what to do, as the predicate of a sentence about the key
     * @param repeated whether the move itself is legal, but the group moves twice at one position; probably a mistake
     */
    public record IllegalMove(int event, String key, String what, boolean repeated) {

        @Override
        public String toString() {
            return "schedule.events[" + event + "]." + key + " " + what;
        }
    }

    /**
     * A schedule that thaws some groups.
     *
     * @param epochs before which epoch each group thaws; empty: never
     */
    static EpochSchedule thawing(List<String> live, List<String> groups, Function<String, OptionalLong> epochs) {
        List<Event> events = new ArrayList<>();
        for (String group : groups) {
            OptionalLong before = epochs.apply(group);
            // No run has more than Integer.MAX_VALUE epochs.
            if (before.orElse(Long.MAX_VALUE) <= Integer.MAX_VALUE) {
                events.add(Event.thaw((int) before.getAsLong(), List.of(group), OptimizerStateOnThaw.KEEP));
            }
        }
        return new EpochSchedule(live, events);
    }

    /** Empty: the events name the groups that move. */
    @Override
    public List<String> groups() {
        return List.of();
    }

    @Override
    public SortedSet<Integer> decisionSteps(int epoch, int stepsPerEpoch) {
        SortedSet<Integer> steps = new TreeSet<>();
        for (Event event : events) {
            int step = event.beforeStep();
            if (event.epoch() == epoch && step > 0 && step < stepsPerEpoch) {
                steps.add(step);
            }
        }
        return steps;
    }

    @Override
    public FreezeDecision next(FreezeState now, StepPosition at, List<EpochMetrics> seen) {
        Walk walk = new Walk(now, Map.of());
        for (int i = 0; i < events.size(); i++) {
            if (events.get(i).isAt(at)) {
                walk.apply(i, events.get(i));
            }
        }
        if (!walk.impossible().isEmpty()) {
            throw new IllegalStateException(String.join("\n", walk.impossible()));
        }
        return FreezeDecision.goOn(walk.state, walk.transitions);
    }

    /** Whether an event moves a group after the end of an epoch and before a position. */
    boolean movesBetween(int epoch, StepPosition at) {
        return events.stream()
                .filter(event -> !event.thaw().isEmpty() || !event.freeze().isEmpty())
                .anyMatch(event -> event.epoch() > epoch
                        && (event.epoch() < at.epoch()
                                || (event.epoch() == at.epoch() && event.beforeStep() < at.step())));
    }

    @Override
    public List<String> added(StepPosition at) {
        return events.stream()
                .filter(event -> event.isAt(at))
                .flatMap(event -> event.add().stream())
                .toList();
    }

    @Override
    public List<String> problems(Set<String> groups, Set<String> trained, int stepsPerEpoch) {
        return play(initial(groups, trained), stepsPerEpoch).impossible();
    }

    /**
     * Each move that is not legal. Events beyond the last step of an epoch never happen and are left out.
     *
     * @param initial the state before the first epoch
     */
    public List<IllegalMove> illegalMoves(FreezeState initial, int stepsPerEpoch) {
        return play(initial, stepsPerEpoch).illegal;
    }

    /** Plays the events in the order of epochs and steps. */
    private Walk play(FreezeState initial, int stepsPerEpoch) {
        Map<String, String> undeclared = new HashMap<>();
        for (int i = 0; i < events.size(); i++) {
            String where = "schedule.events[" + i + "].add declares only at "
                    + events.get(i).when();
            events.get(i).add().forEach(group -> undeclared.put(group, where));
        }
        Walk walk = new Walk(initial, undeclared);
        IntStream.range(0, events.size())
                .boxed()
                .filter(i -> events.get(i).beforeStep() < stepsPerEpoch)
                .sorted(Comparator.comparingInt((Integer i) -> events.get(i).epoch())
                        .thenComparingInt(i -> events.get(i).beforeStep()))
                .forEach(i -> walk.apply(i, events.get(i)));
        return walk;
    }

    @Override
    public List<String> neverReached(RunLength length) {
        List<String> never = new ArrayList<>();
        for (int i = 0; i < events.size(); i++) {
            Event event = events.get(i);
            String key = "schedule.events[" + i + "] never happens: ";
            if (event.epoch() >= length.epochs()) {
                never.add(key + "epoch " + event.epoch() + " is beyond the run's " + length.epochs()
                        + " epochs, which count from 0");
            } else if (event.beforeStep() >= length.stepsIn(event.epoch())) {
                never.add(key + event.when() + " is beyond the epoch's " + length.stepsIn(event.epoch())
                        + " steps, which count from 0");
            }
        }
        return never;
    }

    /** Applies events to a state, one move after another. It leaves illegal moves out and remembers them. */
    private static final class Walk {

        private final Map<String, String> undeclared;
        private final Map<String, String> lastMoves = new HashMap<>();
        private final List<IllegalMove> illegal = new ArrayList<>();
        private final List<Transition> transitions = new ArrayList<>();
        private FreezeState state;

        /** @param undeclared groups that a later event adds, with where and when */
        Walk(FreezeState state, Map<String, String> undeclared) {
            this.state = state;
            this.undeclared = new HashMap<>(undeclared);
        }

        void apply(int index, Event event) {
            event.add().forEach(undeclared::remove);
            move(index, "thaw", GroupState.LIVE, event);
            move(index, "freeze", GroupState.FROZEN, event);
        }

        /** The moves that cannot be made, one line each. */
        List<String> impossible() {
            return illegal.stream()
                    .filter(move -> !move.repeated())
                    .map(IllegalMove::toString)
                    .toList();
        }

        private void move(int index, String key, GroupState to, Event event) {
            boolean thaws = to == GroupState.LIVE;
            for (String group : new TreeSet<>(thaws ? event.thaw() : event.freeze())) {
                GroupState from = state.of(group);
                String impossible = impossible(group, from, to, event);
                if (!impossible.isEmpty()) {
                    illegal(index, key, group, impossible, false);
                    continue;
                }
                boolean movedHere = event.when().equals(lastMoves.put(group, event.when()));
                if (!thaws && event.thaw().contains(group)) {
                    illegal(index, key, group, "the same event thaws; keep one of the two", true);
                } else if (movedHere) {
                    illegal(index, key, group, "another event moves at " + event.when() + " too; keep one", true);
                }
                state = state.with(group, to);
                transitions.add(new Transition(
                        group,
                        from,
                        to,
                        thaws ? event.optimizerState() : OptimizerStateOnThaw.KEEP,
                        "schedule.events[" + index + "]: " + key + " before " + event.when()));
            }
        }

        private String impossible(String group, GroupState from, GroupState to, Event event) {
            if (undeclared.containsKey(group)) {
                return undeclared.get(group) + "; move one of the two";
            }
            if (from == to) {
                return "is " + to.label() + " at " + event.when() + " already; remove it";
            }
            return from.mayBecome(to) ? "" : "is not live at " + event.when() + "; only a live group can freeze";
        }

        private void illegal(int index, String key, String group, String what, boolean repeated) {
            illegal.add(new IllegalMove(index, key, "names group '" + group + "', which " + what, repeated));
        }
    }
}
