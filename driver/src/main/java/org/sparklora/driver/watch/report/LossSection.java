package org.sparklora.driver.watch.report;

import java.util.List;
import org.sparklora.driver.watch.report.LineChart.Line;
import org.sparklora.driver.watch.report.RunData.Epoch;

/** Training loss per step and, for a single run, the mean of each epoch. */
final class LossSection {

    private LossSection() {}

    static void write(Html html, List<RunData> runs) {
        Messages messages = html.messages();
        boolean single = runs.size() == 1;
        LineChart chart = LineChart.overSteps(messages, "loss.title", "axis.loss", true, runs);
        for (int i = 0; i < runs.size(); i++) {
            Steps steps = runs.get(i).steps();
            List<Column> columns =
                    Column.reduce(steps.size(), steps.step()::get, steps.loss()::get, LineChart.MAX_COLUMNS);
            String name = single ? messages.text("loss.step") : Section.label(runs, i);
            chart.add(new Line(name, !single, i, columns, false));
        }
        if (single) {
            chart.add(new Line(messages.text("loss.epoch"), false, 1, means(runs.get(0)), true));
            chart.markEpochs(runs.get(0));
        }
        chart.write(html);
        boolean reduced = runs.stream().anyMatch(r -> r.steps().size() > LineChart.MAX_COLUMNS);
        html.note(reduced ? "loss.note.band" : "loss.note");
    }

    /** The mean of each epoch, drawn at its middle. */
    private static List<Column> means(RunData run) {
        double half = (run.stepsPerEpoch() - 1) / 2.0;
        return Column.ofEpochs(
                        run.done(), epoch -> (double) epoch.number() * run.stepsPerEpoch() + half, Epoch::trainLoss)
                .stream()
                .map(c -> new Column(c.x(), c.mean(), c.mean(), c.mean(), c.gap()))
                .toList();
    }
}
