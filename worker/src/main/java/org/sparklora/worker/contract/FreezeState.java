package org.sparklora.worker.contract;

import java.io.Serializable;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/** The state of every declared group. Implicit groups are always live and not listed. */
public record FreezeState(SortedMap<String, GroupState> states) implements Serializable {

    public FreezeState {
        states = Collections.unmodifiableSortedMap(new TreeMap<>(states));
    }

    /** A state of any map. */
    public static FreezeState of(Map<String, GroupState> states) {
        return new FreezeState(new TreeMap<>(states));
    }

    /** The state of a group; implicit groups are live. */
    public GroupState of(String group) {
        if (group.equals(LoraManifest.HEAD) || group.equals(LoraManifest.BIAS)) {
            return GroupState.LIVE;
        }
        GroupState state = states.get(group);
        if (state == null) {
            throw new IllegalArgumentException("no group is named '" + group + "'");
        }
        return state;
    }

    /**
     * This state with one group moved.
     *
     * @throws IllegalArgumentException for a move that is not legal
     */
    public FreezeState with(String group, GroupState next) {
        GroupState now = of(group);
        if (!now.mayBecome(next)) {
            throw new IllegalArgumentException(
                    "group '" + group + "' is " + now.label() + " and cannot become " + next.label());
        }
        TreeMap<String, GroupState> copy = new TreeMap<>(states);
        copy.put(group, next);
        return new FreezeState(copy);
    }

    /**
     * This state for another set of declared groups. New groups are dormant; groups outside the set are dropped.
     *
     * @throws IllegalArgumentException if a group that is not dormant would be dropped
     */
    public FreezeState over(Collection<String> groups) {
        TreeMap<String, GroupState> over = new TreeMap<>();
        groups.forEach(group -> over.put(group, states.getOrDefault(group, GroupState.DORMANT)));
        states.forEach((group, state) -> {
            if (state != GroupState.DORMANT && !over.containsKey(group)) {
                throw new IllegalArgumentException("group '" + group + "' is " + state.label()
                        + " and cannot be left out; only a group that was never live can");
            }
        });
        return new FreezeState(over);
    }

    /** Declared groups in a state, ordered by name. */
    public List<String> in(GroupState state) {
        return states.entrySet().stream()
                .filter(e -> e.getValue() == state)
                .map(Map.Entry::getKey)
                .toList();
    }
}
