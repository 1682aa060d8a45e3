package org.sparklora.driver.watch.report;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** The run at a glance; several runs as a table, one below the other. */
final class OverviewSection implements PageSection {

    private static final int MOST_METRICS = 6;

    @Override
    public String key() {
        return "overview";
    }

    @Override
    public void write(Html html, List<RunStory> runs, Messages messages) {
        if (runs.size() == 1) {
            tiles(html, runs.get(0), messages);
        } else {
            compared(html, runs, messages);
        }
    }

    private static void tiles(Html html, RunStory run, Messages messages) {
        List<Epoch> done = run.done();
        html.open("dl", "class", "tiles");
        tile(html, messages.text("epochs.done"), Integer.toString(done.size()), "");
        tile(html, messages.text("steps.done"), NumberFormats.whole(run.steps().size()), "");
        if (!done.isEmpty()) {
            Epoch last = done.get(done.size() - 1);
            tile(
                    html,
                    messages.text("train.loss"),
                    NumberFormats.number(last.trainLoss()),
                    messages.text("at.epoch", last.number()));
            for (Map.Entry<String, Double> metric : best(run).entrySet()) {
                tile(
                        html,
                        messages.text("metrics.of", messages.metric(metric.getKey())),
                        NumberFormats.number(metric.getValue()),
                        messages.text("at.epoch", last.number()));
            }
        }
        tile(html, messages.text("time.taken"), messages.seconds(seconds(run)), "");
        Savings.of(done)
                .ifPresent(s -> tile(
                        html,
                        messages.text("skipped.tile"),
                        NumberFormats.percent(1 - s.computed() / s.whole()),
                        messages.text("skipped.tile.of")));
        html.closeBlock();
    }

    /** The metrics of the last epoch, but not more than have room. */
    private static Map<String, Double> best(RunStory run) {
        List<Epoch> done = run.done();
        Map<String, Double> last = new java.util.LinkedHashMap<>();
        done.get(done.size() - 1).validation().entrySet().stream()
                .limit(MOST_METRICS)
                .forEach(e -> last.put(e.getKey(), e.getValue()));
        return last;
    }

    private static void tile(Html html, String name, String value, String note) {
        html.open("div").element("dt", name).open("dd").element("b", value);
        if (!note.isEmpty()) {
            html.text(" ").element("small", note);
        }
        html.close().close();
    }

    /** What the run says that it took; while it goes on, or where it failed, what its epochs took. */
    static double seconds(RunStory run) {
        double said = Json.number(run.finished().path("seconds"));
        return Double.isNaN(said) ? run.epochSeconds() : said;
    }

    private static void compared(Html html, List<RunStory> runs, Messages messages) {
        List<String> metrics = runs.stream()
                .flatMap(run -> run.metrics().stream())
                .distinct()
                .sorted()
                .limit(MOST_METRICS)
                .toList();
        List<String> head = new ArrayList<>(List.of(
                messages.text("run"),
                messages.text("state"),
                messages.text("epochs.done"),
                messages.text("train.loss")));
        metrics.forEach(metric -> head.add(messages.metric(metric)));
        head.addAll(
                List.of(messages.text("time.taken"), messages.text("skipped.tile"), messages.text("digest.adapter")));
        Table table = new Table(html, messages.text("section.overview")).head(head.toArray(String[]::new));
        for (int i = 0; i < runs.size(); i++) {
            int index = i;
            RunStory run = runs.get(i);
            List<Epoch> done = run.done();
            List<Table.Cell> cells = new ArrayList<>();
            cells.add(cell -> state(cell, run, messages));
            cells.add(Table.words(Integer.toString(done.size())));
            cells.add(Table.words(last(done, Epoch::trainLoss)));
            metrics.forEach(metric ->
                    cells.add(Table.words(last(done, epoch -> epoch.validation().getOrDefault(metric, Double.NaN)))));
            cells.add(Table.words(messages.seconds(seconds(run))));
            cells.add(Table.words(Savings.of(done)
                    .map(s -> NumberFormats.percent(1 - s.computed() / s.whole()))
                    .orElse("–")));
            cells.add(
                    ManifestSection.digest(run.finished().path("adapter_sha256").asText()));
            table.row(cell -> RunLabels.of(cell, runs, index), cells.toArray(Table.Cell[]::new));
        }
        table.end();
        html.element("p", messages.text("overview.last"), "class", "note");
    }

    @FunctionalInterface
    private interface OfEpoch {
        double get(Epoch epoch);
    }

    private static String last(List<Epoch> done, OfEpoch value) {
        Optional<Epoch> last = done.stream().max(Comparator.comparingInt(Epoch::number));
        return last.map(value::get)
                .filter(v -> !Double.isNaN(v))
                .map(NumberFormats::number)
                .orElse("–");
    }

    /** How the run stands, as a badge. */
    static void state(Html html, RunStory run, Messages messages) {
        String state = run.status().path("state").asText("unknown").toLowerCase(Locale.ROOT);
        String known = messages.has("run." + state) ? state : "unknown";
        html.element("span", messages.text("run." + known), "class", "badge " + known);
    }
}
