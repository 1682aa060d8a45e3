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

    private final RunData run;
    private final SortedMap<String, List<Span>> spans = new TreeMap<>();
    private final SortedMap<String, Span> open = new TreeMap<>();

    /**
     * A group in one state.
     *
     * @param from first step of the whole run
     * @param to step after the last
     * @param reason of the change to this state; empty at the start of the run
     */
    record Span(GroupState state, long from, long to, String reason) {}

    private GroupSpans(RunData run) {
        this.run = run;
    }

    /** The spans of each group in order of time. */
    static SortedMap<String, List<Span>> of(RunData run) {
        GroupSpans groups = new GroupSpans(run);
        Map<Integer, List<JsonNode>> changes = run.changes().stream()
                .collect(Collectors.groupingBy(change -> change.path("epoch").asInt()));
        run.epochs().forEach(epoch -> groups.add(epoch, changes.getOrDefault(epoch.number(), List.of())));
        long epochs = (long) run.done().size() * run.stepsPerEpoch();
        long end = Math.max(1, Math.max(run.steps().last() + 1, epochs));
        groups.open.forEach((group, span) -> groups.close(group, span, end));
        return groups.spans;
    }

    private void add(Epoch epoch, List<JsonNode> changes) {
        long begin = (long) epoch.number() * run.stepsPerEpoch();
        Map<String, String> reasons = new TreeMap<>();
        for (JsonNode change : changes) {
            if (change.path("epoch_step").asInt() == 0) {
                reasons.put(change.path("group").asText(), change.path("reason").asText());
            }
        }
        for (GroupState state : GroupState.values()) {
            for (JsonNode name : epoch.start().path(state.label())) {
                String group = name.asText();
                change(group, state, begin, reasons.getOrDefault(group, ""));
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
                change(
                        change.path("group").asText(),
                        state,
                        begin + step,
                        change.path("reason").asText());
            }
        }
    }

    private void change(String group, GroupState state, long at, String reason) {
        Span before = open.get(group);
        if (before != null && before.state() == state) {
            return;
        }
        if (before != null) {
            close(group, before, at);
        }
        open.put(group, new Span(state, at, at, reason));
    }

    private void close(String group, Span span, long end) {
        if (end > span.from()) {
            spans.computeIfAbsent(group, name -> new ArrayList<>())
                    .add(new Span(span.state(), span.from(), end, span.reason()));
        }
    }
}
