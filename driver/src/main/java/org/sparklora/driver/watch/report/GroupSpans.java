package org.sparklora.driver.watch.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.sparklora.driver.watch.report.RunData.Epoch;
import org.sparklora.worker.contract.GroupState;

/** The states of each group over the steps of a run, with the reason of each change. */
final class GroupSpans {

    private GroupSpans() {}

    /**
     * A group in one state.
     *
     * @param from first step of the whole run
     * @param to step after the last
     * @param reason of the change to this state; empty at the start of the run
     */
    record Span(GroupState state, long from, long to, String reason) {}

    /** The spans of each group in order of time. */
    static SortedMap<String, List<Span>> of(RunData run) {
        SortedMap<String, List<Span>> spans = new TreeMap<>();
        Map<Integer, List<JsonNode>> changes = run.changes().stream()
                .collect(Collectors.groupingBy(change -> change.path("epoch").asInt()));
        for (Epoch epoch : run.epochs()) {
            long begin = (long) epoch.number() * run.stepsPerEpoch();
            add(spans, epoch, begin, changes.getOrDefault(epoch.number(), List.of()));
        }
        long epochs = (long) run.done().size() * run.stepsPerEpoch();
        long end = Math.max(1, Math.max(run.steps().last() + 1, epochs));
        spans.values().forEach(group -> end(group, end));
        spans.values().removeIf(List::isEmpty);
        return spans;
    }

    private static void add(SortedMap<String, List<Span>> spans, Epoch epoch, long begin, List<JsonNode> changes) {
        Map<String, String> reasons = new TreeMap<>();
        for (JsonNode change : changes) {
            if (change.path("epoch_step").asInt() == 0) {
                reasons.put(change.path("group").asText(), change.path("reason").asText());
            }
        }
        for (GroupState state : GroupState.values()) {
            for (JsonNode group : epoch.start().path(state.label())) {
                change(spans, group.asText(), state, begin, reasons.getOrDefault(group.asText(), ""));
            }
        }
        for (JsonNode change : changes) {
            int step = change.path("epoch_step").asInt();
            GroupState state = switch (change.path("event").asText()) {
                case "thaw" -> GroupState.LIVE;
                case "freeze" -> GroupState.FROZEN;
                default -> GroupState.DORMANT;
            };
            // Changes before the epoch are part of its start, and restore and stop change no group by themselves.
            if (step > 0 && change.has("group")) {
                String reason = change.path("reason").asText();
                change(spans, change.path("group").asText(), state, begin + step, reason);
            }
        }
    }

    /** Ends the group's last span, which is open, and opens the next one. */
    private static void change(
            SortedMap<String, List<Span>> spans, String name, GroupState state, long at, String reason) {
        List<Span> group = spans.computeIfAbsent(name, absent -> new ArrayList<>());
        if (group.isEmpty() || group.get(group.size() - 1).state() != state) {
            end(group, at);
            group.add(new Span(state, at, at, reason));
        }
    }

    private static void end(List<Span> group, long at) {
        if (!group.isEmpty()) {
            Span open = group.remove(group.size() - 1);
            if (at > open.from()) {
                group.add(new Span(open.state(), open.from(), at, open.reason()));
            }
        }
    }
}
