package org.sparklora.driver.watch.report;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;

/**
 * An axis, linear or logarithmic: the position of a value as a share of the length, and the ticks.
 *
 * @param from value at 0
 * @param to value at 1; above {@code from}
 */
record Scale(double from, double to, boolean logarithmic) {

    Scale {
        if (!(from < to) || !Double.isFinite(from) || !Double.isFinite(to) || (logarithmic && from <= 0)) {
            throw new IllegalArgumentException(
                    "no " + (logarithmic ? "logarithmic" : "linear") + " axis from " + from + " to " + to);
        }
    }

    /** A linear axis between exactly these values. */
    static Scale exact(double from, double to) {
        return new Scale(from, to > from ? to : from + 1, false);
    }

    /** A linear axis that ends at round numbers, with some space around the values. */
    static Scale around(double min, double max) {
        if (!(min <= max)) {
            return new Scale(0, 1, false);
        }
        double span = max - min;
        double pad = span > 0 ? span * 0.04 : Math.max(Math.abs(max) * 0.1, 1e-9);
        double step = step(span + 2 * pad, 4);
        double from = Math.floor((min - pad) / step) * step;
        // The axis of losses and norms has no negative part.
        return new Scale(min >= 0 ? Math.max(0, from) : from, Math.ceil((max + pad) / step) * step, false);
    }

    /** A logarithmic axis for positive values with a wide range; a linear one for a narrow range. */
    static Scale wide(double min, double max) {
        if (!(min > 0) || max / min < 20) {
            return around(min, max);
        }
        return new Scale(power(Math.floor(StrictMath.log10(min))), power(Math.ceil(StrictMath.log10(max))), true);
    }

    private static double power(double exponent) {
        return StrictMath.pow(10, exponent);
    }

    /** The position of a value, from 0 to 1; values outside are at the nearer end. */
    double at(double value) {
        double part = logarithmic
                ? StrictMath.log10(Math.max(value, from) / from) / StrictMath.log10(to / from)
                : (value - from) / (to - from);
        return Math.max(0, Math.min(1, part));
    }

    /** Round values for about this many ticks. */
    List<Double> ticks(int about) {
        if (logarithmic) {
            int first = (int) Math.round(StrictMath.log10(from));
            int last = (int) Math.round(StrictMath.log10(to));
            int every = Math.max(1, (last - first + about - 1) / about);
            List<Double> ticks = new ArrayList<>();
            for (int exponent = first; exponent <= last; exponent += every) {
                ticks.add(power(exponent));
            }
            return ticks;
        }
        return multiples(step(to - from, about));
    }

    /** Whole numbers for about this many ticks. */
    List<Double> wholeTicks(int about) {
        return multiples(Math.max(1, step(to - from, about)));
    }

    private List<Double> multiples(double step) {
        long first = (long) Math.ceil(from / step - 1e-9);
        long last = (long) Math.floor(to / step + 1e-9);
        return LongStream.rangeClosed(first, last).mapToObj(k -> k * step).toList();
    }

    /** 1, 2 or 5 times a power of ten. */
    private static double step(double span, int about) {
        double rough = span / about;
        double power = power(Math.floor(StrictMath.log10(rough)));
        double times = rough / power;
        return power * (times <= 1 ? 1 : times <= 2 ? 2 : times <= 5 ? 5 : 10);
    }
}
