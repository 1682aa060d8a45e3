package org.sparklora.driver.cluster.score;

import java.util.Arrays;
import java.util.stream.Stream;

/** Compares predicted sets of labels with actual ones, row by row. Not thread-safe. */
public final class LabelSetCounts {

    private final Counts all = new Counts();
    private final Counts[] byLabel;
    private long rows;
    private long exact;

    /** Creates counts for a number of labels, all zero. */
    public LabelSetCounts(int labels) {
        byLabel = Stream.generate(Counts::new).limit(labels).toArray(Counts[]::new);
    }

    /** Adds a row: for each label whether it was predicted, and whether the row has it. */
    public void add(boolean[] predicted, boolean[] actual) {
        for (int label = 0; label < byLabel.length; label++) {
            long guess = predicted[label] ? 1 : 0;
            long truth = actual[label] ? 1 : 0;
            byLabel[label].add(guess * truth, guess, truth);
            all.add(guess * truth, guess, truth);
        }
        rows++;
        exact += Arrays.equals(predicted, actual) ? 1 : 0;
    }

    /** Share of the rows whose whole set is correct. */
    public double exactMatch() {
        return Counts.ratio(exact, rows);
    }

    /** F1 over all labels of all rows. */
    public double microF1() {
        return all.f1();
    }

    /** F1 of one label. */
    public double f1(int label) {
        return byLabel[label].f1();
    }
}
