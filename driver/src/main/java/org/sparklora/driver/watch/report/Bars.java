package org.sparklora.driver.watch.report;

import java.util.List;
import java.util.function.DoubleFunction;

/** Bars of parts, one below the other, all in one measure: the longest fills the line. */
final class Bars {

    private final Html html;
    private final Messages messages;

    /**
     * One bar.
     *
     * @param name such as its epoch
     */
    record Bar(String name, List<Part> parts) {

        double length() {
            return parts.stream().mapToDouble(Part::size).sum();
        }
    }

    /**
     * A part of a bar.
     *
     * @param look class of its colour and pattern
     * @param tip what is said of it
     */
    record Part(String look, double size, String tip) {}

    Bars(Html html, Messages messages) {
        this.html = html;
        this.messages = messages;
    }

    /** What bars of one epoch, or of several together, are called. */
    static String epochs(List<Epoch> epochs) {
        int first = epochs.get(0).number();
        int last = epochs.get(epochs.size() - 1).number();
        return first == last ? Integer.toString(first) : first + "–" + last;
    }

    /** @param total how the whole of a bar is written at its end */
    void write(String title, List<Bar> bars, DoubleFunction<String> total) {
        double longest = bars.stream().mapToDouble(Bar::length).max().orElse(0);
        html.open("figure", "class", "chart bars")
                .open("figcaption")
                .element("h3", title)
                .close();
        html.element("p", messages.text("epoch"), "class", "ylabel");
        for (Bar bar : bars) {
            html.open("div", "class", "bar").element("span", bar.name(), "class", "who");
            StringBuilder said = new StringBuilder(messages.text("at.epoch", bar.name())).append(". ");
            bar.parts().forEach(part -> said.append(part.tip()).append("; "));
            html.open("div", "class", "track", "role", "img", "aria-label", said.toString());
            for (Part part : bar.parts()) {
                double width = longest == 0 ? 0 : part.size() / longest;
                html.open(
                                "i",
                                "class",
                                "part " + part.look(),
                                "style",
                                "width:" + LineChart.percent(width),
                                "data-tip",
                                messages.text("at.epoch", bar.name()) + " · " + part.tip())
                        .close();
            }
            html.close()
                    .element("span", total.apply(bar.length()), "class", "sum")
                    .closeBlock();
        }
        html.closeBlock();
    }
}
