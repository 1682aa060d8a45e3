package org.sparklora.driver.watch.report;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.stream.Stream;
import org.sparklora.driver.watch.report.RunData.Epoch;
import org.sparklora.worker.contract.Phase;

/** How the time of each epoch divides into phases. */
final class TimeSection {

    /** What no phase covers: Spark's scheduling, broadcasts, the driver. */
    static final String REST = "rest";

    private static final String VALIDATION = "validation";

    /** What early versions measured instead of the phases: computation with peer exchange, all of the steps otherwise. */
    private static final String PASSES = "forward_backward";

    private static final String TRAINING = "train";

    private TimeSection() {}

    static void write(Html html, RunData run) {
        Messages messages = html.messages();
        List<Epoch> done = run.done().stream()
                .filter(epoch -> Double.isFinite(epoch.totalSeconds()))
                .toList();
        if (done.isEmpty()) {
            html.note("no.epoch");
            return;
        }
        String title = messages.text(Bars.epochsPerBar(done) > 1 ? "time.bars.mean" : "time.bars");
        Bars.write(html, new Bars.Style(title, "p-", "phase.", messages::seconds), done, TimeSection::sum);
        Map<String, Double> sum = sum(done);
        double total = sum.values().stream().mapToDouble(Double::doubleValue).sum();
        Table table = new Table(html, messages.text("section.time"), "phase seconds share means");
        sum.forEach((phase, seconds) -> table.row()
                .swatch("p-" + phase, messages.text("phase." + phase))
                .text(messages.seconds(seconds))
                .text(Formats.percent(total == 0 ? 0 : seconds / total))
                .prose(messages.text("phase.means." + phase)));
        table.end();
        html.note(sum.containsKey(PASSES) || sum.containsKey(TRAINING) ? "time.older" : "time.note");
    }

    /** The seconds of an epoch by phase, without phases of 0 s. They add up to the epoch. */
    static Map<String, Double> phases(Epoch epoch) {
        SortedMap<String, Double> seconds = epoch.seconds();
        Map<String, Double> phases = new LinkedHashMap<>();
        if (seconds.containsKey(Phase.FORWARD.label())) {
            for (Phase phase : Phase.values()) {
                phases.put(phase.label(), seconds.getOrDefault(phase.label(), 0.0));
            }
            phases.merge(Phase.TRUNK.label(), epoch.cacheSeconds(), Double::sum);
        } else {
            phases.put(Phase.TRUNK.label(), epoch.cacheSeconds());
            double passes = seconds.getOrDefault(PASSES, 0.0);
            double train = seconds.getOrDefault(TRAINING, 0.0) - epoch.cacheSeconds();
            phases.put(passes > 0 ? PASSES : TRAINING, passes > 0 ? passes : Math.max(0, train));
        }
        phases.put(VALIDATION, seconds.getOrDefault(VALIDATION, 0.0));
        double known = phases.values().stream().mapToDouble(Double::doubleValue).sum();
        phases.put(REST, Math.max(0, epoch.totalSeconds() - known));
        phases.values().removeIf(value -> value == 0);
        return phases;
    }

    /** The seconds of several epochs by phase, in the order in which the phases are shown. */
    private static Map<String, Double> sum(List<Epoch> epochs) {
        Map<String, Double> sum = new LinkedHashMap<>();
        Stream<String> measured = Arrays.stream(Phase.values()).map(Phase::label);
        Stream.concat(measured, Stream.of(PASSES, TRAINING, VALIDATION, REST)).forEach(phase -> sum.put(phase, 0.0));
        epochs.forEach(epoch -> phases(epoch).forEach((phase, seconds) -> sum.merge(phase, seconds, Double::sum)));
        sum.values().removeIf(value -> value == 0);
        return sum;
    }
}
