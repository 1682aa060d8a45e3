package org.sparklora.driver.watch.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.worker.contract.GroupState;

/** Which state each group of a run was in, from which step to which, and why. */
final class GroupSpans {

    private final RunStory story;
    private final SortedMap<String, List<Span>> spans = new TreeMap<>();
    private final Map<Integer, List<JsonNode>> changes = new HashMap<>();
    private final SortedMap<String, Span> open = new TreeMap<>();

    /**
     * A group in one state.
     *
     * @param from first step of the whole run
     * @param to step after the last
     * @param reason of the change into the state; empty at the start of the run
     */
    record Span(GroupState state, long from, long to, String reason) {}

    private GroupSpans(RunStory story) {
        this.story = story;
    }

    /** By group, in order of time. */
    static SortedMap<String, List<Span>> of(RunStory story) {
        GroupSpans groups = new GroupSpans(story);
        story.changes()
                .forEach(change -> groups.changes
                        .computeIfAbsent(change.path("epoch").asInt(), epoch -> new ArrayList<>())
                        .add(change));
        story.epochs().forEach(groups::epoch);
        long end = groups.end();
        groups.open.forEach((group, span) -> groups.put(group, span, end));
        return groups.spans;
    }

    private long end() {
        long reached = story.steps().size() == 0
                ? 0
                : (long) story.steps().step(story.steps().size() - 1) + 1;
        long epochs = (long) story.done().size() * story.stepsPerEpoch();
        return Math.max(1, Math.max(reached, epochs));
    }

    private void epoch(Epoch epoch) {
        long begin = (long) epoch.number() * story.stepsPerEpoch();
        Map<String, String> reasons = new TreeMap<>();
        List<JsonNode> mine = changes.getOrDefault(epoch.number(), List.of());
        for (JsonNode change : mine) {
            if (change.path("epoch_step").asInt() == 0) {
                reasons.put(change.path("group").asText(), reason(change));
            }
        }
        for (GroupState state : GroupState.values()) {
            for (String group : Json.texts(epoch.start().path(state.label()))) {
                becomes(group, state, begin, reasons.getOrDefault(group, ""));
            }
        }
        for (JsonNode change : mine) {
            int step = change.path("epoch_step").asInt();
            if (step > 0) {
                within(change, begin + step);
            }
        }
    }

    private void within(JsonNode change, long at) {
        String group = change.path("group").asText();
        switch (change.path("event").asText()) {
            case "thaw" -> becomes(group, GroupState.LIVE, at, reason(change));
            case "freeze" -> becomes(group, GroupState.FROZEN, at, reason(change));
            case "add" -> becomes(group, GroupState.DORMANT, at, reason(change));
            default -> {
                // What a policy restores or stops is told by the epoch that follows.
            }
        }
    }

    private static String reason(JsonNode change) {
        return change.path("reason").asText();
    }

    private void becomes(String group, GroupState state, long at, String reason) {
        Span before = open.get(group);
        if (before != null && before.state() == state) {
            return;
        }
        if (before != null) {
            put(group, before, at);
        }
        open.put(group, new Span(state, at, at, reason));
    }

    private void put(String group, Span span, long end) {
        if (end > span.from()) {
            spans.computeIfAbsent(group, name -> new ArrayList<>())
                    .add(new Span(span.state(), span.from(), end, span.reason()));
        }
    }
}
