package org.sparklora.driver.watch.report;

import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import org.sparklora.driver.run.history.HistoryLine;
import org.sparklora.driver.watch.report.LineChart.Line;
import org.sparklora.driver.watch.report.RunData.Epoch;

/** Validation metrics: a small chart for each, and a table of all epochs. */
final class MetricsSection {

    private static final int MAX_CHARTS = 12;
    private static final int MAX_TABLE_METRICS = 12;

    private MetricsSection() {}

    static void write(Html html, List<RunData> runs) {
        SortedSet<String> names = new TreeSet<>();
        runs.forEach(run -> names.addAll(run.metrics()));
        if (names.isEmpty()) {
            html.note("metrics.none");
        } else {
            html.open("div.small");
            names.stream().limit(MAX_CHARTS).forEach(name -> chart(html, runs, name));
            html.closeBlock();
            if (names.size() > MAX_CHARTS) {
                html.note("metrics.more", names.size() - MAX_CHARTS);
            }
        }
        for (int i = 0; i < runs.size(); i++) {
            String letter = runs.size() > 1 ? " · " + Section.letter(i) : "";
            table(html, runs.get(i), html.messages().text("metrics.table") + letter);
        }
    }

    private static void chart(Html html, List<RunData> runs, String name) {
        Messages messages = html.messages();
        int last = runs.stream()
                .flatMap(run -> run.done().stream())
                .mapToInt(Epoch::number)
                .max()
                .orElse(1);
        String unit = messages.text(messages.has("metric.unit." + name) ? "metric.unit." + name : "metric.unit");
        LineChart.Text text = new LineChart.Text(messages.metric(name), messages.text("axis.epoch"), unit);
        LineChart chart = new LineChart(text, Scale.exact(0, Math.max(1, last)), false);
        boolean single = runs.size() == 1;
        for (int i = 0; i < runs.size(); i++) {
            List<Epoch> done = runs.get(i).done();
            List<Column> values = Column.ofEpochs(done, Epoch::number, epoch -> epoch.validation(name));
            String label = single ? messages.text("metrics.validation") : Section.label(runs, i);
            chart.add(new Line(label, !single, i, values, true));
            if (single && name.equals("loss")) {
                List<Column> training = Column.ofEpochs(done, Epoch::number, Epoch::trainLoss);
                chart.add(new Line(messages.text("metrics.training"), false, 1, training, true));
            }
        }
        chart.write(html);
    }

    private static void table(Html html, RunData run, String title) {
        List<Epoch> done = run.done();
        if (done.isEmpty()) {
            return;
        }
        Messages messages = html.messages();
        html.open("details").element("summary", title);
        List<String> metrics = run.metrics().stream().limit(MAX_TABLE_METRICS).toList();
        List<String> titles = new ArrayList<>(messages.texts("epoch train.loss"));
        metrics.forEach(metric -> titles.add(messages.metric(metric)));
        titles.addAll(messages.texts("padding seconds"));
        Table table = new Table(html, title, titles);
        int every = (done.size() + Table.MAX_ROWS - 1) / Table.MAX_ROWS;
        // Includes the last epoch.
        for (int i = (done.size() - 1) % every; i < done.size(); i += every) {
            Epoch epoch = done.get(i);
            table.row().text(Integer.toString(epoch.number())).number(epoch.trainLoss());
            metrics.forEach(metric -> table.number(epoch.validation(metric)));
            table.orDash(HistoryLine.number(epoch.end().path("padding")), Formats::percent);
            table.orDash(epoch.totalSeconds(), messages::seconds);
        }
        table.end();
        if (every > 1) {
            html.note("every", every);
        }
        html.closeBlock();
    }
}
