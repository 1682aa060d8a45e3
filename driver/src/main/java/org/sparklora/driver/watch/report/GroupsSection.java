package org.sparklora.driver.watch.report;

import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import org.sparklora.driver.watch.report.LineChart.Line;
import org.sparklora.driver.watch.report.Steps.FloatList;

/** Learning rate and gradient norm of each group per step. */
final class GroupsSection extends Section {

    /** Keeps the chart readable and bounds the page's size. */
    private static final int MAX_LINES = 16;

    /** Lines have fewer points here, since there are many lines. */
    private static final int MAX_COLUMNS = 200;

    GroupsSection() {
        super("groups");
    }

    @Override
    void write(Html html, RunData run) {
        html.open("div.pair");
        chart(html, run, "rate", run.steps().groupRate());
        chart(html, run, "norm", run.steps().groupNorm());
        html.closeBlock();
        html.note("groups.note");
        int groups = run.steps().groupRate().size();
        if (groups > MAX_LINES) {
            html.note("groups.more", MAX_LINES, groups);
        }
    }

    private static void chart(Html html, RunData run, String which, SortedMap<String, FloatList> groups) {
        Messages messages = html.messages();
        LineChart chart = new LineChart(
                new LineChart.Text(
                        messages.text("groups." + which), messages.text("axis.step"), messages.text("axis." + which)),
                LineChart.stepAxis(List.of(run)),
                which.equals("norm"));
        int look = 0;
        for (Map.Entry<String, FloatList> group :
                groups.entrySet().stream().limit(MAX_LINES).toList()) {
            FloatList values = group.getValue();
            List<Column> columns = Column.reduce(run.steps().size(), run.steps()::step, values::get, MAX_COLUMNS);
            chart.add(new Line(group.getKey(), true, look, columns, false));
            look++;
        }
        chart.markEpochs(run).write(html);
    }
}
