package org.sparklora.driver.watch.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import org.sparklora.driver.watch.report.GroupSpans.Span;
import org.sparklora.worker.contract.GroupState;

/** Which group was dormant, live or frozen when, with the reason of each change. */
final class TimelineSection extends RunSection {

    /** Spans of a group that are drawn by themselves; beyond, those of a column are drawn as one. */
    private static final int MOST_SPANS = 120;

    /** Spans that the tabulator key stops at; all changes are in the table, too. */
    private static final int MOST_STOPS = 80;

    /** Part of the line that a word needs. */
    private static final double WORD = 0.16;

    @Override
    public String key() {
        return "timeline";
    }

    @Override
    void write(Html html, RunStory run, Messages messages) {
        SortedMap<String, List<Span>> groups = GroupSpans.of(run);
        if (groups.isEmpty()) {
            html.element("p", messages.text("timeline.none"), "class", "note");
            return;
        }
        long end = groups.values().stream()
                .flatMap(List::stream)
                .mapToLong(Span::to)
                .max()
                .orElse(1);
        legend(html, messages);
        html.open("div", "class", "timeline");
        int stops = groups.values().stream().mapToInt(List::size).sum();
        groups.forEach((group, spans) -> {
            html.open("div", "class", "lane")
                    .open("p", "class", "who")
                    .data(group)
                    .close();
            html.open("div", "class", "track");
            for (Drawn drawn : drawn(spans, end)) {
                span(html, messages, new Place(run, group, end, stops <= MOST_STOPS), drawn);
            }
            html.close().closeBlock();
        });
        axis(html, messages, run, end);
        html.closeBlock();
        changes(html, run, messages);
    }

    private record Place(RunStory run, String group, long end, boolean stop) {}

    /** A span, or what stands for several that are too short to be drawn: the state that held longest, and its share. */
    private record Drawn(Span span, double share) {}

    private static List<Drawn> drawn(List<Span> spans, long end) {
        if (spans.size() <= MOST_SPANS) {
            return spans.stream().map(span -> new Drawn(span, 1)).toList();
        }
        List<Drawn> drawn = new ArrayList<>();
        int first = 0;
        for (int column = 0; column < MOST_SPANS; column++) {
            long from = end * column / MOST_SPANS;
            long to = end * (column + 1) / MOST_SPANS;
            Map<GroupState, Long> steps = new EnumMap<>(GroupState.class);
            while (first < spans.size() && spans.get(first).to() <= from) {
                first++;
            }
            for (int i = first; i < spans.size() && spans.get(i).from() < to; i++) {
                long within = Math.min(to, spans.get(i).to())
                        - Math.max(from, spans.get(i).from());
                steps.merge(spans.get(i).state(), within, Long::sum);
            }
            steps.entrySet().stream()
                    .max(Comparator.comparingLong(Map.Entry::getValue))
                    .ifPresent(most -> drawn.add(
                            new Drawn(new Span(most.getKey(), from, to, ""), (double) most.getValue() / (to - from))));
        }
        return drawn;
    }

    private static void legend(Html html, Messages messages) {
        html.open("ul", "class", "legend");
        for (GroupState state : GroupState.values()) {
            html.open("li").open("i", "class", "swatch " + state.label()).close();
            html.text(messages.text("state." + state.label()) + ": " + messages.text("state.means." + state.label()));
            html.close();
        }
        html.closeBlock();
    }

    private static void span(Html html, Messages messages, Place place, Drawn drawn) {
        Span span = drawn.span();
        String state = messages.text("state." + span.state().label());
        String said = drawn.share() < 1
                ? messages.text(
                        "timeline.mixed",
                        place.group(),
                        state,
                        NumberFormats.percent(drawn.share()),
                        at(messages, place.run(), span.from()))
                : messages.text(
                        "timeline.span",
                        place.group(),
                        state,
                        at(messages, place.run(), span.from()),
                        at(messages, place.run(), span.to()));
        String why = span.reason().isEmpty() ? "" : messages.text("timeline.why", span.reason());
        double width = (double) (span.to() - span.from()) / place.end();
        List<String> attributes = new ArrayList<>(List.of(
                "class",
                "span " + span.state().label(),
                "style",
                "left:" + LineChart.percent((double) span.from() / place.end()) + ";width:" + LineChart.percent(width),
                "role",
                "img",
                "data-tip",
                said + why,
                "aria-label",
                said + why));
        if (place.stop()) {
            attributes.addAll(List.of("tabindex", "0"));
        }
        html.open("div", attributes.toArray(String[]::new));
        if (width >= WORD && drawn.share() == 1) {
            html.element("b", state);
        }
        html.close();
    }

    /** {@code epoch 2}, {@code epoch 2, step 17}. */
    private static String at(Messages messages, RunStory run, long step) {
        long epoch = step / run.stepsPerEpoch();
        long within = step % run.stepsPerEpoch();
        return within == 0 ? messages.text("at.epoch", epoch) : messages.text("at.step", epoch, within);
    }

    private static void axis(Html html, Messages messages, RunStory run, long end) {
        Scale epochs = Scale.exact(0, (double) end / run.stepsPerEpoch());
        html.open("div", "class", "lane axis", "aria-hidden", "true")
                .open("p", "class", "who")
                .close();
        html.open("div", "class", "xt");
        for (double tick : epochs.wholeTicks(6)) {
            html.element("span", NumberFormats.whole(tick), "style", "left:" + LineChart.percent(epochs.at(tick)));
        }
        html.close().close();
        html.element("p", messages.text("axis.epoch.begins"), "class", "xlabel");
    }

    private static void changes(Html html, RunStory run, Messages messages) {
        List<JsonNode> changes = run.changes();
        if (changes.isEmpty()) {
            html.element("p", messages.text("timeline.unchanged"), "class", "note");
            return;
        }
        String title = messages.text("timeline.changes", changes.size());
        html.open("details", changes.size() <= 12 ? "open" : "data-long", "").element("summary", title);
        Table table = new Table(html, title)
                .head(
                        messages.text("epoch"),
                        messages.text("step.of.epoch"),
                        messages.text("change"),
                        messages.text("group"),
                        messages.text("reason"));
        for (JsonNode change : changes.subList(0, Math.min(changes.size(), Table.MOST_ROWS))) {
            String event = change.path("event").asText();
            table.row(
                    Table.words(change.path("epoch").asText()),
                    Table.words(Integer.toString(change.path("epoch_step").asInt())),
                    Table.words(messages.word("change.", event)),
                    Table.data(change.path("group").asText("–")),
                    Table.recorded(change.path("reason").asText()));
        }
        table.end();
        if (changes.size() > Table.MOST_ROWS) {
            html.element("p", messages.text("first", Table.MOST_ROWS), "class", "note");
        }
        html.closeBlock();
    }
}
