package org.sparklora.driver.watch.report;

import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;
import org.sparklora.driver.watch.report.RunData.Epoch;

/** Key figures: tiles for one run, a table for several. */
final class OverviewSection extends Section {

    private static final int MAX_METRICS = 6;

    OverviewSection() {
        super("overview");
    }

    @Override
    void write(Html html, List<RunData> runs) {
        if (runs.size() == 1) {
            write(html, runs.get(0));
        } else {
            compare(html, runs);
        }
    }

    @Override
    void write(Html html, RunData run) {
        Messages messages = html.messages();
        List<Epoch> done = run.done();
        html.open("dl.tiles");
        tile(html, messages.text("epochs.done"), Integer.toString(done.size()), "");
        tile(html, messages.text("steps.done"), Formats.whole(run.steps().size()), "");
        if (!done.isEmpty()) {
            Epoch last = done.get(done.size() - 1);
            String at = messages.text("at.epoch", last.number());
            tile(html, messages.text("train.loss"), Formats.number(last.trainLoss()), at);
            last.validation().entrySet().stream()
                    .limit(MAX_METRICS)
                    .forEach(metric -> tile(
                            html,
                            messages.text("metrics.of", messages.metric(metric.getKey())),
                            Formats.number(metric.getValue()),
                            at));
        }
        tile(html, messages.text("time.taken"), messages.seconds(run.seconds()), "");
        Savings.of(done)
                .ifPresent(s -> tile(
                        html,
                        messages.text("skipped.tile"),
                        Formats.percent(s.skippedShare()),
                        messages.text("skipped.tile.of")));
        html.closeBlock();
    }

    private static void tile(Html html, String name, String value, String note) {
        html.open("div").element("dt", name).open("dd").element("b", value);
        if (!note.isEmpty()) {
            html.text(" ").element("small", note);
        }
        html.close().close();
    }

    private void compare(Html html, List<RunData> runs) {
        Messages messages = html.messages();
        List<String> metrics = runs.stream()
                .flatMap(run -> run.metrics().stream())
                .distinct()
                .sorted()
                .limit(MAX_METRICS)
                .toList();
        Stream<String> first =
                Stream.of("run", "state", "epochs.done", "train.loss").map(messages::text);
        Stream<String> last =
                Stream.of("time.taken", "skipped.tile", "digest.adapter").map(messages::text);
        List<String> titles = Stream.of(first, metrics.stream().map(messages::metric), last)
                .flatMap(Function.identity())
                .toList();
        Table table = new Table(html, title(messages), titles);
        for (int i = 0; i < runs.size(); i++) {
            RunData run = runs.get(i);
            List<Epoch> done = run.done();
            Optional<Epoch> newest = done.stream().reduce((a, b) -> b);
            writeLabel(table.row().open(), runs, i);
            table.close();
            state(table.open(), run);
            table.close().text(Integer.toString(done.size()));
            table.number(newest.map(Epoch::trainLoss).orElse(Double.NaN));
            metrics.forEach(metric ->
                    table.number(newest.map(epoch -> epoch.validation().getOrDefault(metric, Double.NaN))
                            .orElse(Double.NaN)));
            table.text(messages.seconds(run.seconds()));
            table.text(
                    Savings.of(done).map(s -> Formats.percent(s.skippedShare())).orElse("–"));
            table.open().digest(run.finished().path("adapter_sha256").asText());
            table.close();
        }
        table.end();
        html.note("overview.last");
    }

    /** The state of the run as a badge. */
    static void state(Html html, RunData run) {
        String state = run.status().path("state").asText("unknown").toLowerCase(Locale.ROOT);
        String known = html.messages().has("run." + state) ? state : "unknown";
        html.element("span.badge " + known, html.messages().text("run." + known));
    }
}
