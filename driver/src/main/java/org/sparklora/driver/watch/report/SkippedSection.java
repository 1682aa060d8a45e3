package org.sparklora.driver.watch.report;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.sparklora.driver.watch.report.RunData.Epoch;

/** What freezing, the activation cache and length buckets saved. */
final class SkippedSection {

    private SkippedSection() {}

    static void write(Html html, RunData run) {
        Messages messages = html.messages();
        List<Epoch> done = run.done();
        Optional<Savings> counted = Savings.of(done);
        if (counted.isEmpty()) {
            html.note(done.isEmpty() ? "no.epoch" : "skipped.older");
            return;
        }
        Savings all = counted.get();
        Optional<Double> rate = Savings.secondsPerOperation(done);
        String titles = "skipped.by skipped.flops skipped.share skipped.bytes skipped.seconds";
        Table table = new Table(html, messages.text("section.skipped"), titles);
        String bytes = messages.bytes(all.bytesWithoutFreezing() - all.bytesSent());
        all.byReason().forEach((reason, flops) -> {
            String sign = flops < 0 ? "−" : "";
            double size = Math.abs(flops);
            table.row().swatch("k-" + reason, messages.text("skipped." + reason));
            table.text(sign + messages.flops(size)).text(sign + Formats.percent(size / all.total()));
            table.text(reason.equals("freezing") ? bytes : "–");
            table.text(rate.map(r -> "≈ " + sign + messages.seconds(r * size)).orElse("–"));
        });
        table.row().text(messages.text("skipped.computed")).text(messages.flops(all.computed()));
        table.text(Formats.percent(all.computed() / all.total()));
        table.text(messages.bytes(all.bytesSent())).text("").end();
        Bars.Style bars = new Bars.Style(messages.text("skipped.bars"), "k-", "skipped.", messages::flops);
        Bars.write(html, bars, done, SkippedSection::parts);
        html.note("skipped.note");
        long steps = (long) done.size() * run.stepsPerEpoch();
        if (all.steps() < steps) {
            html.note("skipped.part", Formats.whole((double) all.steps()), Formats.whole((double) steps));
        }
    }

    private static Map<String, Double> parts(List<Epoch> epochs) {
        Map<String, Double> parts = new LinkedHashMap<>();
        Savings.of(epochs).ifPresent(savings -> {
            parts.put("computed", savings.computed());
            parts.putAll(savings.byReason());
            parts.replaceAll((reason, flops) -> Math.max(0, flops));
        });
        return parts;
    }
}
