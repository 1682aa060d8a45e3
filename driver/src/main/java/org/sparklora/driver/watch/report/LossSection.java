package org.sparklora.driver.watch.report;

import java.util.ArrayList;
import java.util.List;
import org.sparklora.driver.watch.report.Columns.Column;
import org.sparklora.driver.watch.report.LineChart.Line;

/** Training loss, step by step, and of one run the mean of each epoch. */
final class LossSection implements PageSection {

    private static final int MOST_RULES = 60;

    @Override
    public String key() {
        return "loss";
    }

    @Override
    public void write(Html html, List<RunStory> runs, Messages messages) {
        LineChart chart = new LineChart(
                messages,
                new LineChart.Text(messages.text("loss.title"), messages.text("axis.step"), messages.text("axis.loss")),
                steps(runs),
                true);
        for (int i = 0; i < runs.size(); i++) {
            Steps steps = runs.get(i).steps();
            List<Column> columns = Columns.of(steps.size(), steps::step, steps.loss()::get, LineChart.MOST_COLUMNS);
            String name = runs.size() == 1 ? messages.text("loss.step") : RunLabels.of(runs, i);
            chart.add(new Line(name, runs.size() > 1, i, columns, false));
        }
        if (runs.size() == 1) {
            RunStory run = runs.get(0);
            chart.add(new Line(messages.text("loss.epoch"), false, 1, means(run), true));
            rules(chart, run);
        }
        chart.write(html);
        boolean long_ = runs.stream().anyMatch(r -> r.steps().size() > LineChart.MOST_COLUMNS);
        html.element("p", messages.text(long_ ? "loss.note.band" : "loss.note"), "class", "note");
    }

    /** From step 0 to the last of any run. */
    static Scale steps(List<RunStory> runs) {
        double last = 1;
        for (RunStory run : runs) {
            int count = run.steps().size();
            last = Math.max(last, count == 0 ? 1 : run.steps().step(count - 1));
        }
        return Scale.exact(0, last);
    }

    static void rules(LineChart chart, RunStory run) {
        int epochs = run.epochs().size();
        for (int epoch = 1; epoch < epochs && epochs <= MOST_RULES; epoch++) {
            chart.rule((double) epoch * run.stepsPerEpoch());
        }
    }

    /** In the middle of each epoch. */
    private static List<Column> means(RunStory run) {
        List<Epoch> done = run.done();
        double half = (run.stepsPerEpoch() - 1) / 2.0;
        List<Column> means = new ArrayList<>(Columns.of(
                done.size(),
                i -> (double) done.get(i).number() * run.stepsPerEpoch() + half,
                i -> done.get(i).trainLoss(),
                LineChart.MOST_COLUMNS));
        means.replaceAll(c -> new Column(c.x(), c.mean(), c.mean(), c.mean(), c.gap()));
        return means;
    }
}
