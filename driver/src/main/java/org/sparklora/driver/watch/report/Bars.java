package org.sparklora.driver.watch.report;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleFunction;
import java.util.function.Function;
import org.sparklora.driver.watch.report.RunData.Epoch;

/** A stacked bar for each epoch, all in the same scale: the longest fills the line. */
final class Bars {

    /** Longer runs show the mean of several epochs in one bar. */
    private static final int MAX_BARS = 40;

    private Bars() {}

    /**
     * A part of a bar.
     *
     * @param look class of its colour and pattern
     * @param name shown in its tip, before the size
     */
    record Part(String look, String name, double size) {}

    /** How many epochs share a bar. */
    static int epochsPerBar(List<Epoch> epochs) {
        return (epochs.size() + MAX_BARS - 1) / MAX_BARS;
    }

    /**
     * Writes the bars.
     *
     * @param parts the parts of several epochs together; empty if they have no bar
     * @param format writes a size with its unit
     */
    static void write(
            Html html,
            String title,
            List<Epoch> epochs,
            Function<List<Epoch>, List<Part>> parts,
            DoubleFunction<String> format) {
        html.open("figure.chart bars").open("figcaption").element("h3", title).close();
        html.element("p.ylabel", html.messages().text("epoch"));
        Map<String, List<Part>> bars = new LinkedHashMap<>();
        int perBar = epochsPerBar(epochs);
        for (int first = 0; first < epochs.size(); first += perBar) {
            List<Epoch> some = epochs.subList(first, Math.min(epochs.size(), first + perBar));
            List<Part> means = parts.apply(some).stream()
                    .map(part -> new Part(part.look(), part.name(), part.size() / some.size()))
                    .toList();
            if (!means.isEmpty()) {
                bars.put(name(some), means);
            }
        }
        double longest = bars.values().stream().mapToDouble(Bars::length).max().orElse(0);
        bars.forEach((name, bar) -> write(html, name, bar, longest, format));
        html.closeBlock();
    }

    private static String name(List<Epoch> epochs) {
        int first = epochs.get(0).number();
        int last = epochs.get(epochs.size() - 1).number();
        return first == last ? Integer.toString(first) : first + "–" + last;
    }

    private static double length(List<Part> bar) {
        return bar.stream().mapToDouble(Part::size).sum();
    }

    private static void write(Html html, String name, List<Part> bar, double longest, DoubleFunction<String> format) {
        String epoch = html.messages().text("at.epoch", name);
        List<String> tips = bar.stream()
                .map(part -> part.name() + ": " + format.apply(part.size()))
                .toList();
        html.open("div.bar").element("span.name", name);
        html.open("div.track", "role", "img", "aria-label", epoch + ". " + String.join("; ", tips));
        for (int i = 0; i < bar.size(); i++) {
            double width = longest == 0 ? 0 : bar.get(i).size() / longest;
            html.mark(
                    "i.part " + bar.get(i).look(),
                    "style",
                    "width:" + Formats.css(width),
                    "data-tip",
                    epoch + " · " + tips.get(i));
        }
        html.close().element("span.sum", format.apply(length(bar))).closeBlock();
    }
}
