package org.sparklora.driver.watch.report;

import java.util.ArrayList;
import java.util.List;

/**
 * Where a value lies along an axis, as a part of its length, and where its marks are. Linear, or by powers of ten.
 *
 * @param from value at 0
 * @param to value at 1; above {@code from}
 */
record Scale(double from, double to, boolean logarithmic) {

    Scale {
        if (!(from < to) || !Double.isFinite(from) || !Double.isFinite(to) || (logarithmic && from <= 0)) {
            throw new IllegalArgumentException(
                    "an axis cannot go from " + from + " to " + to + (logarithmic ? " by powers of ten" : ""));
        }
    }

    /** Exactly from one value to another. */
    static Scale exact(double from, double to) {
        return new Scale(from, to > from ? to : from + 1, false);
    }

    /** Around values, with a little room, to round numbers. */
    static Scale around(double least, double most) {
        if (!(least <= most)) {
            return new Scale(0, 1, false);
        }
        double span = most - least;
        double pad = span > 0 ? span * 0.04 : Math.max(Math.abs(most) * 0.1, 1e-9);
        double step = step(span + 2 * pad, 4);
        double from = Math.floor((least - pad) / step) * step;
        // Losses and norms are never negative, so their axis does not go there.
        return new Scale(least >= 0 ? Math.max(0, from) : from, Math.ceil((most + pad) / step) * step, false);
    }

    /** Around positive values that differ by powers of ten; linear where they do not. */
    static Scale wide(double least, double most) {
        if (!(least > 0) || most / least < 20) {
            return around(least, most);
        }
        return new Scale(power(Math.floor(StrictMath.log10(least))), power(Math.ceil(StrictMath.log10(most))), true);
    }

    private static double power(double exponent) {
        return StrictMath.pow(10, exponent);
    }

    /** 0 at the beginning, 1 at the end; what lies outside is moved to the nearer end. */
    double at(double value) {
        double part = logarithmic
                ? StrictMath.log10(Math.max(value, from) / from) / StrictMath.log10(to / from)
                : (value - from) / (to - from);
        return Math.max(0, Math.min(1, part));
    }

    /** Round values to mark, about so many. */
    List<Double> ticks(int about) {
        List<Double> ticks = new ArrayList<>();
        if (logarithmic) {
            int first = (int) Math.round(StrictMath.log10(from));
            int last = (int) Math.round(StrictMath.log10(to));
            int every = Math.max(1, (last - first + about - 1) / about);
            for (int exponent = first; exponent <= last; exponent += every) {
                ticks.add(power(exponent));
            }
            return ticks;
        }
        double step = step(to - from, about);
        for (long k = (long) Math.ceil(from / step - 1e-9); k * step <= to + 1e-9 * step; k++) {
            ticks.add(k * step);
        }
        return ticks;
    }

    /** Whole numbers to mark, about so many. */
    List<Double> wholeTicks(int about) {
        double step = Math.max(1, step(to - from, about));
        List<Double> ticks = new ArrayList<>();
        for (double tick = Math.ceil(from / step) * step; tick <= to; tick += step) {
            ticks.add(tick);
        }
        return ticks;
    }

    /** 1, 2 or 5 times a power of ten. */
    private static double step(double span, int about) {
        double rough = span / about;
        double power = power(Math.floor(StrictMath.log10(rough)));
        double times = rough / power;
        return power * (times <= 1 ? 1 : times <= 2 ? 2 : times <= 5 ? 5 : 10);
    }
}
