package org.sparklora.driver.cluster.score;

import java.io.Serializable;
import java.util.Arrays;
import java.util.stream.Stream;

/** Compares predicted sets of labels with actual ones, row by row. A class is a set of one label. Not thread-safe. */
public final class LabelSetCounts implements Serializable {

    private static final long serialVersionUID = 1L;

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

    /** Adds the counts of other rows, with the same labels. */
    public void merge(LabelSetCounts other) {
        for (int label = 0; label < byLabel.length; label++) {
            byLabel[label].merge(other.byLabel[label]);
        }
        all.merge(other.all);
        rows += other.rows;
        exact += other.exact;
    }

    /** Number of rows that have a label. */
    public long actual(int label) {
        return byLabel[label].actual();
    }

    /** Share of the rows whose whole set is correct. */
    public double exactMatch() {
        return Counts.ratio(exact, rows);
    }

    /** F1 over all labels of all rows. */
    public double microF1() {
        return all.f1();
    }

    /** The mean of the labels' F1, weighted by the number of rows that have them. */
    public double weightedF1() {
        double sum = 0;
        for (Counts label : byLabel) {
            sum += label.f1() * label.actual();
        }
        return all.actual() == 0 ? 0 : sum / all.actual();
    }

    /** F1 of one label. */
    public double f1(int label) {
        return byLabel[label].f1();
    }
}
