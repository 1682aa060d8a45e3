package org.sparklora.driver.watch.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.sparklora.driver.watch.report.RunData.Epoch;

/** Key figures: tiles for one run, a table for several. */
final class OverviewSection {

    private static final int MAX_METRICS = 6;

    private OverviewSection() {}

    static void write(Html html, List<RunData> runs) {
        if (runs.size() == 1) {
            tiles(html, runs.get(0));
        } else {
            compare(html, runs);
        }
    }

    private static void tiles(Html html, RunData run) {
        Messages messages = html.messages();
        List<Epoch> done = run.done();
        html.open("dl.tiles");
        tile(html, messages.text("epochs.done"), Integer.toString(done.size()), "");
        tile(html, messages.text("steps.done"), Formats.whole(run.steps().size()), "");
        if (!done.isEmpty()) {
            Epoch last = done.get(done.size() - 1);
            String at = messages.text("at.epoch", last.number());
            tile(html, messages.text("train.loss"), Formats.number(last.trainLoss()), at);
            last.validation().entrySet().stream().limit(MAX_METRICS).forEach(metric -> {
                String name = messages.text("metrics.of", messages.metric(metric.getKey()));
                tile(html, name, Formats.number(metric.getValue()), at);
            });
        }
        tile(html, messages.text("time.taken"), messages.seconds(run.seconds()), "");
        Savings.of(done).ifPresent(savings -> {
            String share = Formats.percent(savings.skippedShare());
            tile(html, messages.text("skipped.tile"), share, messages.text("skipped.tile.of"));
        });
        html.closeBlock();
    }

    private static void tile(Html html, String name, String value, String note) {
        html.open("div").element("dt", name).open("dd").element("b", value);
        if (!note.isEmpty()) {
            html.text(" ").element("small", note);
        }
        html.close().close();
    }

    private static void compare(Html html, List<RunData> runs) {
        Messages messages = html.messages();
        List<String> metrics = runs.stream()
                .flatMap(run -> run.metrics().stream())
                .distinct()
                .sorted()
                .limit(MAX_METRICS)
                .toList();
        List<String> titles = new ArrayList<>(messages.texts("run state epochs.done train.loss"));
        metrics.stream().map(messages::metric).forEach(titles::add);
        titles.addAll(messages.texts("time.taken skipped.tile digest.adapter"));
        Table table = new Table(html, messages.text("section.overview"), titles);
        for (int i = 0; i < runs.size(); i++) {
            int index = i;
            RunData run = runs.get(i);
            List<Epoch> done = run.done();
            Epoch newest = done.isEmpty() ? new Epoch(0) : done.get(done.size() - 1);
            table.row().cell(cell -> Section.writeLabel(cell, runs, index)).cell(cell -> state(cell, run));
            table.text(Integer.toString(done.size())).number(newest.trainLoss());
            metrics.forEach(metric -> table.number(newest.validation(metric)));
            Optional<Savings> savings = Savings.of(done);
            table.text(messages.seconds(run.seconds()));
            table.text(savings.map(s -> Formats.percent(s.skippedShare())).orElse("–"));
            table.cell(cell ->
                    cell.digest(run.last("finished").path("adapter_sha256").asText()));
        }
        table.end();
        html.note("overview.last");
    }

    /** The state of the run as a badge. */
    static void state(Html html, RunData run) {
        String state = run.files().status().path("state").asText("unknown").toLowerCase(Locale.ROOT);
        String known = html.messages().has("run." + state) ? state : "unknown";
        html.element("span.badge " + known, html.messages().text("run." + known));
    }
}
