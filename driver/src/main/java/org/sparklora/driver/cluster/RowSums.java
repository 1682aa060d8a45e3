package org.sparklora.driver.cluster;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.driver.cluster.score.Correlation;
import org.sparklora.driver.cluster.score.EntityCounts;
import org.sparklora.driver.cluster.score.LabelSetCounts;
import org.sparklora.worker.contract.LossSettings;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.head.Logits;
import org.sparklora.worker.head.MultiLabelHead;

/**
 * Sums over some rows, from which their metrics are computed: a few numbers for each label, however many rows there are. Not
 * thread-safe.
 */
final class RowSums implements Serializable {

    private static final long serialVersionUID = 1L;

    private static final float[] ONE = {1f};

    private final Metrics metrics;
    private final LabelSetCounts sets;
    private final EntityCounts entities = new EntityCounts();
    private final Correlation numbers = new Correlation();
    private long rows;
    private double loss;
    private double weight;

    RowSums(Metrics metrics) {
        this.metrics = metrics;
        this.sets = new LabelSetCounts(metrics.head().outputs());
    }

    Metrics metrics() {
        return metrics;
    }

    /** Counts of classes, as sets of one label, or of label sets. */
    LabelSetCounts sets() {
        return sets;
    }

    long rows() {
        return rows;
    }

    double pearson() {
        return numbers.pearson();
    }

    void add(float[] labels, float[] logits) {
        rows++;
        loss += metrics.head().loss(logits, labels);
        weight += metrics.head().weight(labels, ONE, LossSettings.PLAIN);
        switch (metrics.task()) {
            case CLASSIFICATION -> addClass((int) labels[0], Logits.argmax(logits));
            case REGRESSION -> numbers.add(logits[0], labels[0]);
            case MULTI_LABEL -> addSet((MultiLabelHead) metrics.head(), labels, logits);
            case TOKEN_CLASSIFICATION -> addTags(labels, logits);
        }
    }

    private void addClass(int label, int guess) {
        boolean[] guessed = new boolean[metrics.head().outputs()];
        boolean[] actual = new boolean[guessed.length];
        guessed[guess] = true;
        actual[label] = true;
        sets.add(guessed, actual);
    }

    private void addSet(MultiLabelHead head, float[] labels, float[] logits) {
        boolean[] guessed = new boolean[logits.length];
        boolean[] actual = new boolean[logits.length];
        for (int label = 0; label < logits.length; label++) {
            guessed[label] = head.predicts(logits[label]);
            actual[label] = labels[label] == 1;
        }
        sets.add(guessed, actual);
    }

    private void addTags(float[] labels, float[] logits) {
        int classes = metrics.head().outputs();
        List<String> guessed = new ArrayList<>();
        List<String> actual = new ArrayList<>();
        for (int token = 0; token < labels.length; token++) {
            if (labels[token] != Example.IGNORED) {
                guessed.add(metrics.labels().get(Logits.argmax(logits, token * classes, classes)));
                actual.add(metrics.labels().get((int) labels[token]));
            }
        }
        entities.add(guessed, actual);
    }

    /** The sums over these rows and others. Neither operand changes, since Spark may hold it. */
    RowSums plus(RowSums other) {
        RowSums both = new RowSums(metrics);
        for (RowSums part : List.of(this, other)) {
            both.sets.merge(part.sets);
            both.entities.merge(part.entities);
            both.numbers.merge(part.numbers);
            both.rows += part.rows;
            both.loss += part.loss;
            both.weight += part.weight;
        }
        return both;
    }

    /** The metrics that need no ranks. */
    SortedMap<String, Double> values() {
        SortedMap<String, Double> values = new TreeMap<>();
        // There is no loss if all labelled words were cut off.
        values.put("loss", weight == 0 ? 0 : loss / weight);
        switch (metrics.task()) {
            case CLASSIFICATION -> {
                values.put("accuracy", sets.exactMatch());
                values.put("f1", sets.weightedF1());
            }
            case REGRESSION -> {
                values.put("mse", loss / weight);
                values.put("pearson", pearson());
            }
            case MULTI_LABEL -> {
                values.put("accuracy", sets.exactMatch());
                values.put("f1", sets.microF1());
                for (int label = 0; label < metrics.labels().size(); label++) {
                    values.put("f1_" + metrics.labels().get(label), sets.f1(label));
                }
            }
            case TOKEN_CLASSIFICATION -> {
                values.put("accuracy", entities.accuracy());
                values.put("precision", entities.precision());
                values.put("recall", entities.recall());
                values.put("f1", entities.f1());
            }
        }
        return values;
    }
}
