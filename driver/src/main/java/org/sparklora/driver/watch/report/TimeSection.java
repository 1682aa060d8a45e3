package org.sparklora.driver.watch.report;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import org.sparklora.worker.contract.Phase;

/** Where the seconds of each epoch went. */
final class TimeSection extends RunSection {

    private static final int MOST_BARS = 40;

    /** The part of an epoch that nothing else explains: Spark's scheduling, broadcasts, the driver. */
    static final String REST = "rest";

    /** What builds before this one measured of the steps: with peer exchange what is computed, else nothing. */
    private static final String PASSES = "forward_backward";

    private static final String TRAINING = "train";

    @Override
    public String key() {
        return "time";
    }

    @Override
    void write(Html html, RunStory run, Messages messages) {
        List<Epoch> done = run.done().stream()
                .filter(epoch -> Double.isFinite(epoch.totalSeconds()))
                .toList();
        if (done.isEmpty()) {
            html.element("p", messages.text("time.none"), "class", "note");
            return;
        }
        Map<String, Double> sum = sum(done);
        double all = sum.values().stream().mapToDouble(Double::doubleValue).sum();
        bars(html, messages, done);
        Table table = new Table(html, messages.text("section.time"))
                .head(messages.text("phase"), messages.text("seconds"), messages.text("share"), messages.text("means"));
        sum.forEach((phase, seconds) -> table.row(
                row -> {
                    row.open("i", "class", "swatch p-" + phase).close();
                    row.text(messages.text("phase." + phase));
                },
                Table.words(messages.seconds(seconds)),
                Table.words(NumberFormats.percent(all == 0 ? 0 : seconds / all)),
                Table.prose(messages.text("phase.means." + phase))));
        table.end();
        if (sum.containsKey(PASSES) || sum.containsKey(TRAINING)) {
            html.element("p", messages.text("time.older"), "class", "note");
        } else {
            html.element("p", messages.text("time.note"), "class", "note");
        }
    }

    /**
     * The seconds of an epoch by phase, in the order in which they are shown. They add up to the epoch, as what is not measured
     * is the rest.
     */
    static Map<String, Double> phases(Epoch epoch) {
        SortedMap<String, Double> seconds = epoch.seconds();
        Map<String, Double> phases = new LinkedHashMap<>();
        boolean measured = seconds.containsKey(Phase.FORWARD.label());
        if (measured) {
            for (Phase phase : Phase.values()) {
                phases.put(phase.label(), seconds.getOrDefault(phase.label(), 0.0));
            }
            phases.merge(Phase.TRUNK.label(), epoch.keepSeconds(), Double::sum);
        } else {
            phases.put(Phase.TRUNK.label(), epoch.keepSeconds());
            double passes = seconds.getOrDefault("forward_backward", 0.0);
            double train = seconds.getOrDefault("train", 0.0) - epoch.keepSeconds();
            phases.put(passes > 0 ? PASSES : TRAINING, passes > 0 ? passes : Math.max(0, train));
        }
        phases.put("validation", seconds.getOrDefault("validation", 0.0));
        double known = phases.values().stream().mapToDouble(Double::doubleValue).sum();
        phases.put(REST, Math.max(0, epoch.totalSeconds() - known));
        phases.values().removeIf(value -> value == 0);
        return phases;
    }

    private static Map<String, Double> sum(List<Epoch> epochs) {
        Map<String, Double> sum = new LinkedHashMap<>();
        for (String phase : order()) {
            for (Epoch epoch : epochs) {
                Double seconds = phases(epoch).get(phase);
                if (seconds != null) {
                    sum.merge(phase, seconds, Double::sum);
                }
            }
        }
        return sum;
    }

    private static List<String> order() {
        List<String> order = new ArrayList<>();
        for (Phase phase : Phase.values()) {
            order.add(phase.label());
        }
        order.addAll(List.of(PASSES, TRAINING, "validation", REST));
        return order;
    }

    private static void bars(Html html, Messages messages, List<Epoch> done) {
        int together = (done.size() + MOST_BARS - 1) / MOST_BARS;
        List<Bars.Bar> bars = new ArrayList<>();
        for (int first = 0; first < done.size(); first += together) {
            List<Epoch> epochs = done.subList(first, Math.min(done.size(), first + together));
            List<Bars.Part> parts = new ArrayList<>();
            sum(epochs)
                    .forEach((phase, seconds) -> parts.add(new Bars.Part(
                            "p-" + phase,
                            seconds / epochs.size(),
                            messages.text("phase." + phase) + ": " + messages.seconds(seconds / epochs.size()))));
            bars.add(new Bars.Bar(Bars.epochs(epochs), parts));
        }
        String title = messages.text(together > 1 ? "time.bars.mean" : "time.bars");
        new Bars(html, messages).write(title, bars, messages::seconds);
    }
}
