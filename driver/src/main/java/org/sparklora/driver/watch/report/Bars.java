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
     * What all bars have in common.
     *
     * @param look prefix of a part's class, which gives its colour and pattern
     * @param names prefix of the message that names a part
     * @param format writes a size with its unit
     */
    record Style(String title, String look, String names, DoubleFunction<String> format) {}

    /** How many epochs share a bar. */
    static int epochsPerBar(List<Epoch> epochs) {
        return (epochs.size() + MAX_BARS - 1) / MAX_BARS;
    }

    /**
     * Writes the bars.
     *
     * @param parts the sizes of the parts of several epochs together, in a new map; empty if they have no bar
     */
    static void write(Html html, Style style, List<Epoch> epochs, Function<List<Epoch>, Map<String, Double>> parts) {
        html.open("figure.chart bars").open("figcaption");
        html.element("h3", style.title()).close();
        html.element("p.ylabel", html.messages().text("epoch"));
        Map<String, Map<String, Double>> bars = new LinkedHashMap<>();
        int perBar = epochsPerBar(epochs);
        for (int first = 0; first < epochs.size(); first += perBar) {
            List<Epoch> some = epochs.subList(first, Math.min(epochs.size(), first + perBar));
            Map<String, Double> means = parts.apply(some);
            means.replaceAll((part, size) -> size / some.size());
            if (!means.isEmpty()) {
                bars.put(name(some), means);
            }
        }
        double longest = bars.values().stream().mapToDouble(Bars::length).max().orElse(0);
        bars.forEach((name, bar) -> write(html, style, name, bar, longest));
        html.closeBlock();
    }

    private static String name(List<Epoch> epochs) {
        int first = epochs.get(0).number();
        int last = epochs.get(epochs.size() - 1).number();
        return first == last ? Integer.toString(first) : first + "–" + last;
    }

    private static double length(Map<String, Double> bar) {
        return bar.values().stream().mapToDouble(Double::doubleValue).sum();
    }

    private static void write(Html html, Style style, String name, Map<String, Double> bar, double longest) {
        String epoch = html.messages().text("at.epoch", name);
        Map<String, String> tips = new LinkedHashMap<>();
        bar.forEach((part, size) -> {
            String partName = html.messages().text(style.names() + part);
            tips.put(part, partName + ": " + style.format().apply(size));
        });
        html.open("div.bar").element("span.name", name);
        html.open("div.track", "role", "img", "aria-label", epoch + ". " + String.join("; ", tips.values()));
        bar.forEach((part, size) -> {
            String width = "width:" + Formats.css(longest == 0 ? 0 : size / longest);
            html.mark("i.part " + style.look() + part, "style", width, "data-tip", epoch + " · " + tips.get(part));
        });
        html.close().element("span.sum", style.format().apply(length(bar))).closeBlock();
    }
}
