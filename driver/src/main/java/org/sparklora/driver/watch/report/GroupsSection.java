package org.sparklora.driver.watch.report;

import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import org.sparklora.driver.watch.report.LineChart.Line;
import org.sparklora.driver.watch.report.Steps.FloatList;

/** Learning rate and gradient norm of each group per step. */
final class GroupsSection {

    /** Keeps the chart readable and bounds the page's size. */
    private static final int MAX_LINES = 16;

    /** Lines have fewer points here, since there are many lines. */
    private static final int MAX_COLUMNS = 200;

    private GroupsSection() {}

    static void write(Html html, RunData run) {
        html.open("div.pair");
        chart(html, run, "rate", run.steps().rates());
        chart(html, run, "norm", run.steps().norms());
        html.closeBlock();
        html.note("groups.note");
        int groups = run.steps().rates().size();
        if (groups > MAX_LINES) {
            html.note("groups.more", MAX_LINES, groups);
        }
    }

    private static void chart(Html html, RunData run, String which, SortedMap<String, FloatList> groups) {
        LineChart chart = LineChart.overSteps(
                html.messages(), "groups." + which, "axis." + which, which.equals("norm"), List.of(run));
        List<Map.Entry<String, FloatList>> shown =
                groups.entrySet().stream().limit(MAX_LINES).toList();
        for (int look = 0; look < shown.size(); look++) {
            FloatList values = shown.get(look).getValue();
            List<Column> columns = Column.reduce(run.steps().size(), run.steps().step()::get, values::get, MAX_COLUMNS);
            chart.add(new Line(shown.get(look).getKey(), true, look, columns, false));
        }
        chart.markEpochs(run);
        chart.write(html);
    }
}
