package org.sparklora.driver.watch.report;

import java.util.List;
import java.util.Optional;
import org.sparklora.driver.watch.report.Bars.Part;
import org.sparklora.driver.watch.report.RunData.Epoch;

/** What freezing, the activation cache and length buckets saved. */
final class SkippedSection extends Section {

    SkippedSection() {
        super("skipped");
    }

    @Override
    void write(Html html, RunData run) {
        Messages messages = html.messages();
        List<Epoch> done = run.done();
        Optional<Savings> counted = Savings.of(done);
        if (counted.isEmpty()) {
            html.note(done.isEmpty() ? "no.epoch" : "skipped.older");
            return;
        }
        Savings all = counted.get();
        Optional<Double> rate = Savings.secondsPerOperation(done);
        Table table = new Table(
                html,
                title(messages),
                "skipped.by",
                "skipped.flops",
                "skipped.share",
                "skipped.bytes",
                "skipped.seconds");
        String bytes =
                messages.bytes(all.bytes().withoutFreezing() - all.bytes().sent());
        row(table, messages, "freezing", all.freezing() / all.total(), all.freezing(), bytes, rate);
        row(table, messages, "cache", all.cache() / all.total(), all.cache(), "–", rate);
        row(table, messages, "buckets", all.buckets() / all.total(), all.buckets(), "–", rate);
        table.row()
                .text(messages.text("skipped.computed"))
                .text(messages.flops(all.computed()))
                .text(Formats.percent(all.computed() / all.total()))
                .text(messages.bytes(all.bytes().sent()))
                .text("")
                .end();
        Bars.write(html, messages.text("skipped.bars"), done, epochs -> parts(messages, epochs), messages::flops);
        html.note("skipped.note");
        long steps = (long) done.size() * run.stepsPerEpoch();
        if (all.steps() < steps) {
            html.note("skipped.part", Formats.whole((double) all.steps()), Formats.whole((double) steps));
        }
    }

    private static void row(
            Table table,
            Messages messages,
            String by,
            double share,
            double flops,
            String bytes,
            Optional<Double> rate) {
        String sign = flops < 0 ? "−" : "";
        table.row()
                .swatch("k-" + by, messages.text("skipped." + by))
                .text(sign + messages.flops(Math.abs(flops)))
                .text(sign + Formats.percent(Math.abs(share)))
                .text(bytes)
                .text(rate.map(r -> "≈ " + sign + messages.seconds(r * Math.abs(flops)))
                        .orElse("–"));
    }

    private static List<Part> parts(Messages messages, List<Epoch> epochs) {
        return Savings.of(epochs)
                .map(s -> List.of(
                        new Part("k-computed", messages.text("skipped.computed"), s.computed()),
                        new Part("k-freezing", messages.text("skipped.freezing"), s.freezing()),
                        new Part("k-cache", messages.text("skipped.cache"), s.cache()),
                        new Part("k-buckets", messages.text("skipped.buckets"), Math.max(0, s.buckets()))))
                .orElse(List.of());
    }
}
