package org.sparklora.driver.watch.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import org.sparklora.driver.watch.report.GroupSpans.Span;
import org.sparklora.worker.contract.GroupState;

/** When each group was dormant, live or frozen, with the reason of each change. */
final class TimelineSection {

    /** Spans of a group that are drawn one by one. With more, each column shows its most frequent state. */
    private static final int MAX_SPANS = 120;

    /** Spans that the Tab key can reach. The table has all changes, too. */
    private static final int MAX_TAB_STOPS = 80;

    /** Share of the width that the name of a state needs. */
    private static final double LABEL_WIDTH = 0.16;

    /** Longer lists of changes start collapsed. */
    private static final int MAX_OPEN_CHANGES = 12;

    private TimelineSection() {}

    /**
     * A span as drawn.
     *
     * @param share of its steps in which the group was in this state; below 1 if it stands for several short spans
     */
    private record Drawn(Span span, double share) {}

    static void write(Html html, RunData run) {
        SortedMap<String, List<Span>> groups = GroupSpans.of(run);
        if (groups.isEmpty()) {
            html.note("timeline.none");
            return;
        }
        List<Span> all = groups.values().stream().flatMap(List::stream).toList();
        long end = all.stream().mapToLong(Span::to).max().orElse(1);
        boolean tabStops = all.size() <= MAX_TAB_STOPS;
        legend(html);
        html.open("div.timeline");
        groups.forEach((group, spans) -> {
            html.open("div.lane").open("p.name").data(group).close();
            html.open("div.track");
            for (Drawn drawn : drawn(spans, end)) {
                span(html, description(html.messages(), run, group, drawn), drawn, end, tabStops);
            }
            html.close().closeBlock();
        });
        axis(html, run, end);
        html.closeBlock();
        changes(html, run.changes());
    }

    private static List<Drawn> drawn(List<Span> spans, long end) {
        if (spans.size() <= MAX_SPANS) {
            return spans.stream().map(span -> new Drawn(span, 1)).toList();
        }
        List<Drawn> drawn = new ArrayList<>();
        int first = 0;
        for (int column = 0; column < MAX_SPANS; column++) {
            long from = end * column / MAX_SPANS;
            long to = end * (column + 1) / MAX_SPANS;
            Map<GroupState, Long> steps = new EnumMap<>(GroupState.class);
            while (first < spans.size() && spans.get(first).to() <= from) {
                first++;
            }
            for (int i = first; i < spans.size() && spans.get(i).from() < to; i++) {
                Span span = spans.get(i);
                steps.merge(span.state(), Math.min(to, span.to()) - Math.max(from, span.from()), Long::sum);
            }
            steps.entrySet().stream().max(Map.Entry.comparingByValue()).ifPresent(most -> {
                double share = (double) most.getValue() / (to - from);
                drawn.add(new Drawn(new Span(most.getKey(), from, to, ""), share));
            });
        }
        return drawn;
    }

    private static void legend(Html html) {
        Messages messages = html.messages();
        html.open("ul.legend");
        for (GroupState state : GroupState.values()) {
            String means = messages.text("state.means." + state.label());
            html.open("li").mark("i.swatch " + state.label());
            html.text(messages.text("state." + state.label()) + ": " + means).close();
        }
        html.closeBlock();
    }

    private static String description(Messages messages, RunData run, String group, Drawn drawn) {
        Span span = drawn.span();
        String state = messages.text("state." + span.state().label());
        String from = at(messages, run, span.from());
        if (drawn.share() < 1) {
            return messages.text("timeline.mixed", group, state, Formats.percent(drawn.share()), from);
        }
        return messages.text("timeline.span", group, state, from, at(messages, run, span.to()))
                + (span.reason().isEmpty() ? "" : messages.text("timeline.why", span.reason()));
    }

    /** {@code epoch 2}, {@code epoch 2, step 17}. */
    private static String at(Messages messages, RunData run, long step) {
        long epoch = step / run.stepsPerEpoch();
        long within = step % run.stepsPerEpoch();
        return within == 0 ? messages.text("at.epoch", epoch) : messages.text("at.step", epoch, within);
    }

    private static void span(Html html, String description, Drawn drawn, long end, boolean tabStop) {
        Span span = drawn.span();
        double width = (double) (span.to() - span.from()) / end;
        String place = "left:" + Formats.css((double) span.from() / end) + ";width:" + Formats.css(width);
        List<String> attributes = new ArrayList<>(List.of("style", place, "role", "img"));
        attributes.addAll(List.of("data-tip", description, "aria-label", description));
        if (tabStop) {
            attributes.addAll(List.of("tabindex", "0"));
        }
        html.open("div.span " + span.state().label(), attributes.toArray(String[]::new));
        if (width >= LABEL_WIDTH && drawn.share() == 1) {
            html.element("b", html.messages().text("state." + span.state().label()));
        }
        html.close();
    }

    private static void axis(Html html, RunData run, long end) {
        Scale epochs = Scale.exact(0, (double) end / run.stepsPerEpoch());
        html.open("div.lane axis", "aria-hidden", "true").mark("p.name");
        html.open("div.xt");
        for (double tick : epochs.wholeTicks(6)) {
            html.element("span", Formats.whole(tick), "style", "left:" + Formats.css(epochs.at(tick)));
        }
        html.close().close();
        html.element("p.xlabel", html.messages().text("axis.epoch.begins"));
    }

    private static void changes(Html html, List<JsonNode> changes) {
        if (changes.isEmpty()) {
            html.note("timeline.unchanged");
            return;
        }
        String title = html.messages().text("timeline.changes", changes.size());
        html.open("details", changes.size() <= MAX_OPEN_CHANGES ? "open" : "data-long", "");
        html.element("summary", title);
        Table table = new Table(html, title, "epoch step.of.epoch change group reason");
        table.end(changes, change -> {
            table.row().text(change.path("epoch").asText());
            table.text(Integer.toString(change.path("epoch_step").asInt()));
            table.text(html.messages().word("change.", change.path("event").asText()));
            table.data(change.path("group").asText("–"));
            table.recordedProse(change.path("reason").asText());
        });
        html.closeBlock();
    }
}
