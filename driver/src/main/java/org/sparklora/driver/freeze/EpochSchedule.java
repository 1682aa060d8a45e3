package org.sparklora.driver.freeze;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.sparklora.driver.spelling.NearMiss;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.OptimizerStateOnThaw;

/**
 * The policy {@code epochs}: groups thaw and freeze before the epochs that the job names.
 *
 * <p>Events of one epoch apply in the order of the list; an event that both thaws and freezes thaws first.
 */
public record EpochSchedule(List<String> live, List<Event> events) implements FreezePolicy {

    public EpochSchedule {
        live = List.copyOf(live);
        events = List.copyOf(events);
    }

    /**
     * One entry of {@code schedule.events}.
     *
     * @param epoch the event takes effect before this epoch, from 0
     * @param optimizerState for the groups that thaw
     */
    public record Event(int epoch, List<String> thaw, List<String> freeze, OptimizerStateOnThaw optimizerState) {

        public Event {
            thaw = List.copyOf(thaw);
            freeze = List.copyOf(freeze);
        }

        /** Groups thaw before an epoch. */
        public static Event thaw(int epoch, List<String> groups, OptimizerStateOnThaw optimizerState) {
            return new Event(epoch, groups, List.of(), optimizerState);
        }

        /** Groups freeze before an epoch. */
        public static Event freeze(int epoch, List<String> groups) {
            return new Event(epoch, List.of(), groups, OptimizerStateOnThaw.KEEP);
        }
    }

    @Override
    public FreezeDecision next(FreezeState now, int epoch, List<EpochMetrics> seen) {
        List<String> problems = new ArrayList<>();
        Walk walk = new Walk(now, problems);
        for (int i = 0; i < events.size(); i++) {
            Event event = events.get(i);
            if (event.epoch() == epoch) {
                checkGroups(i, event, now.states().keySet(), problems);
                walk.apply(i, event);
            }
        }
        if (!problems.isEmpty()) {
            throw new IllegalStateException(String.join("\n", problems));
        }
        return new FreezeDecision(walk.state, walk.transitions);
    }

    @Override
    public List<String> problems(Set<String> groups, Set<String> trained) {
        List<String> problems = new ArrayList<>();
        checkNames("schedule.live", live, groups, problems);
        Walk walk = new Walk(initial(groups, trained), problems);
        for (int i = 0; i < events.size(); i++) {
            Event event = events.get(i);
            String key = "schedule.events[" + i + "]";
            if (event.epoch() < 0) {
                problems.add(key + ".epoch=" + event.epoch() + " must not be negative");
            }
            if (event.thaw().isEmpty() && event.freeze().isEmpty()) {
                problems.add(key + " names no group; give thaw or freeze a list of groups");
            }
            checkGroups(i, event, groups, problems);
        }
        inTime().forEach(walk::apply);
        return problems;
    }

    /** Events by index, in the order in which they will happen. */
    private Map<Integer, Event> inTime() {
        Map<Integer, Event> ordered = new LinkedHashMap<>();
        List<Integer> indices = new ArrayList<>();
        for (int i = 0; i < events.size(); i++) {
            indices.add(i);
        }
        indices.sort(Comparator.comparingInt(i -> events.get(i).epoch()));
        indices.forEach(i -> ordered.put(i, events.get(i)));
        return ordered;
    }

    private static void checkGroups(int index, Event event, Set<String> groups, List<String> problems) {
        checkNames("schedule.events[" + index + "].thaw", event.thaw(), groups, problems);
        checkNames("schedule.events[" + index + "].freeze", event.freeze(), groups, problems);
    }

    private static void checkNames(String key, List<String> names, Set<String> groups, List<String> problems) {
        Set<String> seen = new TreeSet<>();
        for (int i = 0; i < names.size(); i++) {
            String name = names.get(i);
            String where = key + "[" + i + "]='" + name + "'";
            if (name.equals(LoraManifest.HEAD) || name.equals(LoraManifest.BIAS)) {
                problems.add(where + " is an implicit group and always live; leave it out");
            } else if (!groups.contains(name)) {
                String hint = NearMiss.of(name, groups)
                        .map(near -> "did you mean '" + near + "'?")
                        .orElse("the groups are " + new TreeSet<>(groups));
                problems.add(where + " is no group; " + hint);
            } else if (!seen.add(name)) {
                problems.add(where + " is listed twice");
            }
        }
    }

    /** Applies events to a state, one legal move after another; an illegal one becomes a problem and is left out. */
    private static final class Walk {

        private final List<String> problems;
        private final List<Transition> transitions = new ArrayList<>();
        private FreezeState state;

        Walk(FreezeState state, List<String> problems) {
            this.state = state;
            this.problems = problems;
        }

        void apply(int index, Event event) {
            String key = "schedule.events[" + index + "]";
            move(key, "thaw", event.epoch(), event.thaw(), GroupState.LIVE, event.optimizerState());
            move(key, "freeze", event.epoch(), event.freeze(), GroupState.FROZEN, OptimizerStateOnThaw.KEEP);
        }

        private void move(
                String key, String verb, int epoch, List<String> groups, GroupState to, OptimizerStateOnThaw kept) {
            // A set, known names only: names listed twice and unknown ones have their own messages.
            for (String group : new TreeSet<>(groups)) {
                if (!state.states().containsKey(group)) {
                    continue;
                }
                GroupState from = state.of(group);
                if (!from.mayBecome(to)) {
                    problems.add(key + ": cannot " + verb + " group '" + group + "' before epoch " + epoch + ": it is "
                            + from.label() + " then");
                    continue;
                }
                state = state.with(group, to);
                transitions.add(new Transition(group, from, to, kept, key + ": " + verb + " before epoch " + epoch));
            }
        }
    }
}
