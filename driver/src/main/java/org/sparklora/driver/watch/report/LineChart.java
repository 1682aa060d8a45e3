package org.sparklora.driver.watch.report;

import java.util.ArrayList;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.function.DoubleFunction;

/**
 * Lines over an axis of steps or epochs, with labels and ticks on both axes and a legend.
 *
 * <p>Lines are drawn in a square of {@value #SIDE} units, which the browser stretches. Each has its own colour and dash. A
 * line with many points is the mean of each column, in front of a band from the column's minimum to its maximum.
 */
final class LineChart {

    /** Maximum number of points of a line: about the pixels of a phone, and enough for a printed page. */
    static final int MAX_COLUMNS = 400;

    /** Beyond this number of epochs their starts are not marked. */
    private static final int MAX_RULES = 60;

    /** Beyond this number of points, single points are not marked. */
    private static final int MAX_DOTS = 60;

    private static final int SIDE = 1000;

    private final Text text;
    private final Scale x;
    private final boolean logarithmic;
    private final List<Line> lines = new ArrayList<>();
    private final List<Double> rules = new ArrayList<>();

    /**
     * The texts of a chart.
     *
     * @param x label of the x axis, with its unit
     * @param y label of the y axis, with its unit
     */
    record Text(String title, String x, String y) {}

    /**
     * One line.
     *
     * @param name in the legend; recorded data if {@code isData}
     * @param look index of colour and dash
     * @param dots whether each point is marked
     */
    record Line(String name, boolean isData, int look, List<Column> points, boolean dots) {}

    /** @param logarithmic whether the y axis may be logarithmic, if the values need it */
    LineChart(Text text, Scale x, boolean logarithmic) {
        this.text = text;
        this.x = x;
        this.logarithmic = logarithmic;
    }

    /** A chart over the steps from 0 to the last step of any run. */
    static LineChart overSteps(Messages messages, String title, String y, boolean logarithmic, List<RunData> runs) {
        Text text = new Text(messages.text(title), messages.text("axis.step"), messages.text(y));
        long last = runs.stream().mapToLong(run -> run.steps().last()).max().orElse(0);
        return new LineChart(text, Scale.exact(0, (double) Math.max(1, last)), logarithmic);
    }

    void add(Line line) {
        if (!line.points().isEmpty()) {
            lines.add(line);
        }
    }

    /** Marks where the epochs of a run start. */
    void markEpochs(RunData run) {
        int epochs = run.epochs().size();
        for (int epoch = 1; epoch < epochs && epochs <= MAX_RULES; epoch++) {
            rules.add((double) epoch * run.stepsPerEpoch());
        }
    }

    void write(Html html) {
        html.open("figure.chart");
        html.open("figcaption").element("h3", text.title());
        if (lines.isEmpty()) {
            html.note("nothing").close().closeBlock();
            return;
        }
        if (lines.size() > 1 || lines.get(0).isData()) {
            legend(html);
        }
        html.close();
        Scale y = yAxis();
        html.element("p.ylabel", text.y());
        html.open("div.plot");
        ticks(html, "yt", "bottom", y, y.ticks(4), Formats::number);
        html.open("div.area", "role", "img", "aria-label", summary(html), "data-x", text.x(), "data-scale", scale(y));
        drawing(html, y);
        dots(html, y);
        html.close();
        ticks(html, "xt", "left", x, x.wholeTicks(5), LineChart::shortened);
        html.close();
        html.element("p.xlabel", text.x());
        html.closeBlock();
    }

    private Scale yAxis() {
        DoubleSummaryStatistics all = new DoubleSummaryStatistics();
        DoubleSummaryStatistics positive = new DoubleSummaryStatistics();
        lines.stream().flatMap(line -> line.points().stream()).forEach(c -> {
            all.accept(c.min());
            all.accept(c.max());
            if (c.min() > 0) {
                positive.accept(c.min());
            }
        });
        // A warm-up starts at 0, which a logarithmic axis cannot show: it is drawn at the bottom.
        return logarithmic && all.getMin() >= 0 && all.getMax() > 0 && positive.getMin() >= all.getMax() * 1e-12
                ? Scale.wide(positive.getMin(), all.getMax())
                : Scale.around(all.getMin(), all.getMax());
    }

    private void legend(Html html) {
        html.open("ul.legend");
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

    private static void ticks(
            Html html, String kind, String side, Scale scale, List<Double> ticks, DoubleFunction<String> label) {
        html.open("div", "class", kind, "aria-hidden", "true");
        for (double tick : ticks) {
            html.element("span", label.apply(tick), "style", side + ":" + Formats.css(scale.at(tick)));
        }
        html.close();
    }

    /** {@code 640}, {@code 12k}: the x axis has little space. */
    private static String shortened(double value) {
        return value >= 10_000 ? Formats.significant(value / 1000, 4) + "k" : Formats.whole(value);
    }

    private void drawing(Html html, Scale y) {
        html.raw("<svg viewBox=\"0 0 " + SIDE + " " + SIDE + "\" preserveAspectRatio=\"none\" aria-hidden=\"true\">");
        for (double tick : y.ticks(4)) {
            html.raw("<path class=\"grid\" d=\"M0 " + vertical(y, tick) + "H" + SIDE + "\"/>");
        }
        for (double rule : rules) {
            html.raw("<path class=\"rule\" d=\"M" + horizontal(rule) + " 0V" + SIDE + "\"/>");
        }
        for (Line line : lines) {
            if (line.points().stream().anyMatch(c -> c.max() > c.min())) {
                html.raw("<path class=\"band " + look(line) + "\" d=\"" + band(line.points(), y) + "\"/>");
            }
        }
        for (Line line : lines) {
            html.mark("path.line " + look(line), "d", path(line.points(), y), "data-name", line.name());
        }
        html.raw("</svg>");
    }

    /** Both axes for the script: from and to of x, from and to of y, and whether y is logarithmic. */
    private String scale(Scale y) {
        return x.from() + " " + x.to() + " " + y.from() + " " + y.to() + " " + y.logarithmic();
    }

    private String horizontal(double value) {
        return Formats.coordinate(SIDE * x.at(value));
    }

    private static String vertical(Scale y, double value) {
        return Formats.coordinate(SIDE * (1 - y.at(value)));
    }

    private String point(double along, Scale y, double value) {
        return horizontal(along) + " " + vertical(y, value);
    }

    private String path(List<Column> points, Scale y) {
        StringBuilder d = new StringBuilder();
        for (Column c : points) {
            d.append(d.isEmpty() || c.gap() ? 'M' : 'L').append(point(c.x(), y, c.mean()));
            if (c.gap() || points.size() == 1) {
                d.append("h0"); // A single point is visible as the round end of its line.
            }
        }
        return d.toString();
    }

    /** Along the maxima and back along the minima, for each stretch without a gap. */
    private String band(List<Column> points, Scale y) {
        StringBuilder d = new StringBuilder();
        String back = "";
        for (Column c : points) {
            if (c.gap()) {
                d.append(back);
                back = "";
            }
            d.append(back.isEmpty() ? 'M' : 'L').append(point(c.x(), y, c.max()));
            back = "L" + point(c.x(), y, c.min()) + (back.isEmpty() ? "Z" : back);
        }
        return d.append(back).toString();
    }

    /** Marks single points. They are not part of the stretched drawing, so they stay round. */
    private void dots(Html html, Scale y) {
        for (Line line : lines) {
            if (line.dots() && line.points().size() <= MAX_DOTS) {
                for (Column c : line.points()) {
                    String at = "left:" + Formats.css(x.at(c.x())) + ";bottom:" + Formats.css(y.at(c.mean()));
                    html.mark("i.dot " + look(line), "style", at);
                }
            }
        }
    }

    /** For screen readers: the first and last value of each line. */
    private String summary(Html html) {
        List<String> said = new ArrayList<>(List.of(text.title() + "."));
        for (Line line : lines) {
            Column first = line.points().get(0);
            Column last = line.points().get(line.points().size() - 1);
            String from = Formats.number(first.mean());
            said.add(html.messages().text("chart.summary", line.name(), from, Formats.number(last.mean())));
        }
        return String.join(" ", said);
    }
}
