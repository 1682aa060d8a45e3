package org.sparklora.driver.watch.report;

import java.util.SortedMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.sparklora.driver.watch.report.LineChart.Line;

/** Learning rate and gradient norm of each group, step by step. */
final class GroupsSection extends RunSection {

    /** Lines that an eye can follow, and a bound on the page's size. */
    private static final int MOST_LINES = 16;

    /** A line has fewer points here, as there are many. */
    private static final int MOST_COLUMNS = 200;

    @Override
    public String key() {
        return "groups";
    }

    @Override
    void write(Html html, RunStory run, Messages messages) {
        html.open("div", "class", "pair");
        chart(html, run, messages, "rate", run.steps().groupRate());
        chart(html, run, messages, "norm", run.steps().groupNorm());
        html.closeBlock();
        html.element("p", messages.text("groups.note"), "class", "note");
        int groups = run.steps().groupRate().size();
        if (groups > MOST_LINES) {
            html.element("p", messages.text("groups.more", MOST_LINES, groups), "class", "note");
        }
    }

    private static void chart(
            Html html, RunStory run, Messages messages, String which, SortedMap<String, Floats> groups) {
        LineChart chart = new LineChart(
                messages,
                new LineChart.Text(
                        messages.text("groups." + which), messages.text("axis.step"), messages.text("axis." + which)),
                LossSection.steps(java.util.List.of(run)),
                which.equals("norm"));
        AtomicInteger look = new AtomicInteger();
        groups.entrySet().stream()
                .limit(MOST_LINES)
                .forEach(group -> chart.add(new Line(
                        group.getKey(),
                        true,
                        look.getAndIncrement(),
                        Columns.of(run.steps().size(), run.steps()::step, group.getValue()::get, MOST_COLUMNS),
                        false)));
        LossSection.rules(chart, run);
        chart.write(html);
    }
}
