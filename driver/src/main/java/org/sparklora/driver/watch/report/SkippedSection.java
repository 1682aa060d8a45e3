package org.sparklora.driver.watch.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What was not computed and not sent, because of freezing, cache and length buckets. */
final class SkippedSection extends RunSection {

    private static final int MOST_BARS = 40;

    @Override
    public String key() {
        return "skipped";
    }

    @Override
    void write(Html html, RunStory run, Messages messages) {
        List<Epoch> done = run.done();
        Optional<Savings> counted = Savings.of(done);
        if (counted.isEmpty()) {
            html.element("p", messages.text(done.isEmpty() ? "skipped.none" : "skipped.older"), "class", "note");
            return;
        }
        Savings all = counted.get();
        Optional<Double> rate = Savings.secondsPerOperation(done);
        Table table = new Table(html, messages.text("section.skipped"))
                .head(
                        messages.text("skipped.by"),
                        messages.text("skipped.flops"),
                        messages.text("skipped.share"),
                        messages.text("skipped.bytes"),
                        messages.text("skipped.seconds"));
        row(table, messages, "freezing", all, all.freezing(), rate);
        row(table, messages, "cache", all, all.cache(), rate);
        row(table, messages, "buckets", all, all.buckets(), rate);
        table.row(
                Table.words(messages.text("skipped.computed")),
                Table.words(messages.flops(all.computed())),
                Table.words(NumberFormats.percent(all.computed() / all.whole())),
                Table.words(messages.bytes(all.bytes().sent())),
                Table.words(""));
        table.end();
        bars(html, messages, done);
        html.element("p", messages.text("skipped.note"), "class", "note");
        long steps = (long) done.size() * run.stepsPerEpoch();
        if (all.steps() < steps) {
            html.element(
                    "p",
                    messages.text("skipped.part", NumberFormats.whole(all.steps()), NumberFormats.whole(steps)),
                    "class",
                    "note");
        }
    }

    private static void row(
            Table table, Messages messages, String by, Savings all, double flops, Optional<Double> rate) {
        boolean sends = by.equals("freezing");
        table.row(
                html -> {
                    html.open("i", "class", "swatch k-" + by).close();
                    html.text(messages.text("skipped." + by));
                },
                Table.words((flops < 0 ? "−" : "") + messages.flops(Math.abs(flops))),
                Table.words((flops < 0 ? "−" : "") + NumberFormats.percent(Math.abs(flops) / all.whole())),
                Table.words(
                        sends
                                ? messages.bytes(all.bytes().withoutFreezing()
                                        - all.bytes().sent())
                                : "–"),
                Table.words(rate.map(r -> "≈ " + (flops < 0 ? "−" : "") + messages.seconds(r * Math.abs(flops)))
                        .orElse("–")));
    }

    private static void bars(Html html, Messages messages, List<Epoch> done) {
        int together = (done.size() + MOST_BARS - 1) / MOST_BARS;
        List<Bars.Bar> bars = new ArrayList<>();
        for (int first = 0; first < done.size(); first += together) {
            List<Epoch> epochs = done.subList(first, Math.min(done.size(), first + together));
            Savings.of(epochs)
                    .ifPresent(s -> bars.add(new Bars.Bar(
                            Bars.epochs(epochs),
                            List.of(
                                    part(messages, "computed", s.computed() / epochs.size()),
                                    part(messages, "freezing", s.freezing() / epochs.size()),
                                    part(messages, "cache", s.cache() / epochs.size()),
                                    part(messages, "buckets", Math.max(0, s.buckets()) / epochs.size())))));
        }
        new Bars(html, messages).write(messages.text("skipped.bars"), bars, messages::flops);
    }

    private static Bars.Part part(Messages messages, String by, double flops) {
        return new Bars.Part("k-" + by, flops, messages.text("skipped." + by) + ": " + messages.flops(flops));
    }
}
