package org.sparklora.driver.watch.report;

import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import org.sparklora.driver.watch.report.Columns.Column;
import org.sparklora.driver.watch.report.LineChart.Line;

/** Validation metrics, a small chart for each, and a table of all epochs. */
final class MetricsSection implements PageSection {

    private static final int MOST_CHARTS = 12;
    private static final int MOST_COLUMNS_OF_TABLE = 12;

    @Override
    public String key() {
        return "metrics";
    }

    @Override
    public void write(Html html, List<RunStory> runs, Messages messages) {
        SortedSet<String> names = new TreeSet<>();
        runs.forEach(run -> names.addAll(run.metrics()));
        if (names.isEmpty()) {
            html.element("p", messages.text("metrics.none"), "class", "note");
        } else {
            html.open("div", "class", "small");
            names.stream().limit(MOST_CHARTS).forEach(name -> chart(html, runs, messages, name));
            html.closeBlock();
            if (names.size() > MOST_CHARTS) {
                html.element("p", messages.text("metrics.more", names.size() - MOST_CHARTS), "class", "note");
            }
        }
        for (int i = 0; i < runs.size(); i++) {
            table(html, runs, i, messages);
        }
    }

    private static void chart(Html html, List<RunStory> runs, Messages messages, String name) {
        int last = runs.stream()
                .flatMap(run -> run.done().stream())
                .mapToInt(Epoch::number)
                .max()
                .orElse(1);
        LineChart chart = new LineChart(
                messages,
                new LineChart.Text(messages.metric(name), messages.text("axis.epoch"), unit(messages, name)),
                Scale.exact(0, Math.max(1, last)),
                false);
        boolean withTraining = name.equals("loss") && runs.size() == 1;
        for (int i = 0; i < runs.size(); i++) {
            List<Epoch> done = runs.get(i).done();
            String label = runs.size() > 1 ? RunLabels.of(runs, i) : messages.text("metrics.validation");
            chart.add(new Line(
                    label,
                    runs.size() > 1,
                    i,
                    columns(done, k -> done.get(k).validation().getOrDefault(name, Double.NaN)),
                    true));
            if (withTraining) {
                chart.add(new Line(
                        messages.text("metrics.training"),
                        false,
                        1,
                        columns(done, k -> done.get(k).trainLoss()),
                        true));
            }
        }
        chart.write(html);
    }

    private static List<Column> columns(List<Epoch> done, Columns.Series values) {
        return Columns.of(done.size(), i -> done.get(i).number(), values, LineChart.MOST_COLUMNS);
    }

    private static String unit(Messages messages, String metric) {
        String key = "metric.unit." + metric;
        return messages.has(key) ? messages.text(key) : messages.text("metric.unit");
    }

    private static void table(Html html, List<RunStory> runs, int index, Messages messages) {
        RunStory run = runs.get(index);
        List<Epoch> done = run.done();
        if (done.isEmpty()) {
            return;
        }
        String title = messages.text("metrics.table") + (runs.size() > 1 ? " · " + RunLabels.letter(index) : "");
        html.open("details").element("summary", title);
        List<String> metrics =
                run.metrics().stream().limit(MOST_COLUMNS_OF_TABLE).toList();
        List<String> head = new ArrayList<>(List.of(messages.text("epoch"), messages.text("train.loss")));
        metrics.forEach(metric -> head.add(messages.metric(metric)));
        head.addAll(List.of(messages.text("padding"), messages.text("seconds")));
        Table table = new Table(html, title).head(head.toArray(String[]::new));
        int every = (done.size() + Table.MOST_ROWS - 1) / Table.MOST_ROWS;
        for (int i = 0; i < done.size(); i++) {
            // The last epoch is always among them.
            if ((done.size() - 1 - i) % every == 0) {
                table.row(Table.words(Integer.toString(done.get(i).number())), cells(done.get(i), metrics, messages));
            }
        }
        table.end();
        if (every > 1) {
            html.element("p", messages.text("every", every), "class", "note");
        }
        html.closeBlock();
    }

    private static Table.Cell[] cells(Epoch epoch, List<String> metrics, Messages messages) {
        List<Table.Cell> cells = new ArrayList<>();
        cells.add(Table.words(NumberFormats.number(epoch.trainLoss())));
        metrics.forEach(metric ->
                cells.add(Table.words(NumberFormats.number(epoch.validation().getOrDefault(metric, Double.NaN)))));
        double padding = Json.number(epoch.end().path("padding"));
        cells.add(Table.words(Double.isNaN(padding) ? "–" : NumberFormats.percent(padding)));
        cells.add(Table.words(Double.isNaN(epoch.totalSeconds()) ? "–" : messages.seconds(epoch.totalSeconds())));
        return cells.toArray(Table.Cell[]::new);
    }
}
