package org.sparklora.driver.watch.report;

import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleFunction;
import org.sparklora.driver.watch.report.Columns.Column;

/**
 * Lines over an axis of steps or epochs, with a label and marks on both axes and a legend.
 *
 * <p>Lines are drawn in a square of {@value #SIDE} units that is stretched to the place there is. Each has a colour and a
 * dash of its own; a long one has a band from the least to the most value of each column, and its mean as the line.
 */
final class LineChart {

    /** Points of a line, at the most: more than a phone has pixels across, and about as many as a page of paper needs. */
    static final int MOST_COLUMNS = 400;

    private static final int SIDE = 1000;

    private final Messages messages;
    private final Text text;
    private final Scale x;
    private final boolean wideY;
    private final List<Line> lines = new ArrayList<>();
    private final List<Double> rules = new ArrayList<>();

    /**
     * What is written on a chart, in the page's language.
     *
     * @param title heading
     * @param x what lies along, with its unit
     * @param y what goes up, with its unit
     */
    record Text(String title, String x, String y) {}

    /**
     * One line.
     *
     * @param name in the legend; a name of a run's own where {@code isData}
     * @param look colour and dash, from 0
     * @param marks whether each point shows by itself
     */
    record Line(String name, boolean isData, int look, List<Column> points, boolean marks) {}

    /**
     * @param wideY whether values may differ by powers of ten
     */
    LineChart(Messages messages, Text text, Scale x, boolean wideY) {
        this.messages = messages;
        this.text = text;
        this.x = x;
        this.wideY = wideY;
    }

    LineChart add(Line line) {
        if (!line.points().isEmpty()) {
            lines.add(line);
        }
        return this;
    }

    /** A faint upright line, such as the beginning of an epoch. */
    LineChart rule(double at) {
        rules.add(at);
        return this;
    }

    void write(Html html) {
        html.open("figure", "class", "chart");
        html.open("figcaption").element("h3", text.title());
        if (lines.isEmpty()) {
            html.element("p", messages.text("nothing"), "class", "note").close().closeBlock();
            return;
        }
        if (lines.size() > 1 || lines.get(0).isData()) {
            legend(html);
        }
        html.close();
        Scale y = y();
        html.element("p", text.y(), "class", "ylabel");
        html.open("div", "class", "plot");
        marks(html, "yt", "bottom", y, y.ticks(4), NumberFormats::number);
        html.open("div", "class", "area", "role", "img", "aria-label", summary(), "data-x", text.x());
        drawing(html, y);
        dots(html, y);
        html.close();
        marks(html, "xt", "left", x, x.wholeTicks(5), LineChart::short_);
        html.close();
        html.element("p", text.x(), "class", "xlabel");
        html.closeBlock();
    }

    private Scale y() {
        double least = Double.POSITIVE_INFINITY;
        double most = Double.NEGATIVE_INFINITY;
        double leastPositive = Double.POSITIVE_INFINITY;
        for (Line line : lines) {
            for (Column c : line.points()) {
                least = Math.min(least, c.least());
                most = Math.max(most, c.most());
                if (c.least() > 0) {
                    leastPositive = Math.min(leastPositive, c.least());
                }
            }
        }
        // A warm-up begins at 0, which has no place on an axis of powers: there it lies at the foot.
        return wideY && least >= 0 && most > 0 && leastPositive >= most * 1e-12
                ? Scale.wide(leastPositive, most)
                : Scale.around(least, most);
    }

    private void legend(Html html) {
        html.open("ul", "class", "legend");
        for (Line line : lines) {
            html.open("li");
            html.raw("<svg viewBox=\"0 0 26 8\" aria-hidden=\"true\" class=\"" + look(line)
                    + "\"><path d=\"M0 4H26\"/></svg>");
            if (line.isData()) {
                html.data(line.name());
            } else {
                html.text(line.name());
            }
            html.close();
        }
        html.close();
    }

    private static String look(Line line) {
        return "s" + line.look() % 8;
    }

    private static void marks(
            Html html, String kind, String side, Scale scale, List<Double> ticks, DoubleFunction<String> label) {
        html.open("div", "class", kind, "aria-hidden", "true");
        for (double tick : ticks) {
            html.element("span", label.apply(tick), "style", side + ":" + percent(scale.at(tick)));
        }
        html.close();
    }

    static String percent(double part) {
        return NumberFormats.coordinate(100 * part) + "%";
    }

    /** {@code 640}, {@code 12k}: along the bottom there is little room. */
    private static String short_(double value) {
        return value >= 10_000 ? NumberFormats.significant(value / 1000, 4) + "k" : NumberFormats.whole(value);
    }

    private void drawing(Html html, Scale y) {
        html.raw("<svg viewBox=\"0 0 " + SIDE + " " + SIDE + "\" preserveAspectRatio=\"none\" aria-hidden=\"true\">");
        for (double tick : y.ticks(4)) {
            html.raw("<path class=\"grid\" d=\"M0 " + up(y, tick) + "H" + SIDE + "\"/>");
        }
        for (double rule : rules) {
            html.raw("<path class=\"rule\" d=\"M" + along(rule) + " 0V" + SIDE + "\"/>");
        }
        for (Line line : lines) {
            if (line.points().stream().anyMatch(c -> c.most() > c.least())) {
                html.raw("<path class=\"band " + look(line) + "\" d=\"" + band(line, y) + "\"/>");
            }
        }
        for (Line line : lines) {
            html.open(
                    "path",
                    "class",
                    "line " + look(line),
                    "d",
                    path(line, y),
                    "data-name",
                    line.name(),
                    "data-from",
                    Double.toString(y.from()),
                    "data-to",
                    Double.toString(y.to()),
                    "data-log",
                    Boolean.toString(y.logarithmic()),
                    "data-x0",
                    Double.toString(x.from()),
                    "data-x1",
                    Double.toString(x.to()));
            html.close();
        }
        html.raw("</svg>");
    }

    private String along(double value) {
        return NumberFormats.coordinate(SIDE * x.at(value));
    }

    private static String up(Scale y, double value) {
        return NumberFormats.coordinate(SIDE * (1 - y.at(value)));
    }

    private String path(Line line, Scale y) {
        StringBuilder d = new StringBuilder();
        for (Column c : line.points()) {
            d.append(d.isEmpty() || c.gap() ? 'M' : 'L');
            d.append(along(c.x())).append(' ').append(up(y, c.mean()));
            if (c.gap() || line.points().size() == 1) {
                d.append("h0"); // A point alone shows as the round end of its line.
            }
        }
        return d.toString();
    }

    /** Along the most values and back along the least, for each stretch without a gap. */
    private String band(Line line, Scale y) {
        StringBuilder d = new StringBuilder();
        List<Column> points = line.points();
        for (int first = 0; first < points.size(); ) {
            int end = first + 1;
            while (end < points.size() && !points.get(end).gap()) {
                end++;
            }
            for (int i = first; i < end; i++) {
                Column c = points.get(i);
                d.append(i == first ? 'M' : 'L')
                        .append(along(c.x()))
                        .append(' ')
                        .append(up(y, c.most()));
            }
            for (int i = end - 1; i >= first; i--) {
                d.append('L')
                        .append(along(points.get(i).x()))
                        .append(' ')
                        .append(up(y, points.get(i).least()));
            }
            d.append('Z');
            first = end;
        }
        return d.toString();
    }

    /** Points that show by themselves: not stretched with the drawing, so that they stay round. */
    private void dots(Html html, Scale y) {
        for (Line line : lines) {
            if (line.marks() && line.points().size() <= 60) {
                for (Column c : line.points()) {
                    html.open(
                                    "i",
                                    "class",
                                    "dot " + look(line),
                                    "style",
                                    "left:" + percent(x.at(c.x())) + ";bottom:" + percent(y.at(c.mean())))
                            .close();
                }
            }
        }
    }

    /** For those who hear the page: each line's first and last value. */
    private String summary() {
        StringBuilder said = new StringBuilder(text.title()).append(". ");
        for (Line line : lines) {
            Column first = line.points().get(0);
            Column last = line.points().get(line.points().size() - 1);
            said.append(messages.text(
                            "chart.summary",
                            line.name(),
                            NumberFormats.number(first.mean()),
                            NumberFormats.number(last.mean())))
                    .append(' ');
        }
        return said.toString().strip();
    }
}
