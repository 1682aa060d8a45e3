package org.sparklora.driver.cluster.score;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Predicted tags of words against wanted ones, row by row, as the script conlleval of the CoNLL-2000 shared task counts
 * them: an entity is right where type, first and last word are; precision, recall and F1 are over the entities of all types
 * together, accuracy over the words. No entity spans two rows. Not thread-safe.
 */
public final class EntityCounts {

    private long words;
    private long rightWords;
    private long right;
    private long predicted;
    private long wanted;

    /** Adds a row: a predicted and a wanted tag for each word. */
    public void add(List<String> guess, List<String> truth) {
        if (guess.size() != truth.size()) {
            throw new IllegalArgumentException(guess.size() + " predicted tags, but " + truth.size() + " wanted ones");
        }
        for (int i = 0; i < truth.size(); i++) {
            rightWords += guess.get(i).equals(truth.get(i)) ? 1 : 0;
        }
        words += truth.size();
        Set<Entity> found = new HashSet<>(Entity.of(guess));
        List<Entity> there = Entity.of(truth);
        predicted += found.size();
        wanted += there.size();
        right += there.stream().filter(found::contains).count();
    }

    /** Part of the words whose tag is right. */
    public double accuracy() {
        return Ratio.of(rightWords, words);
    }

    /** Part of the predicted entities that are right. */
    public double precision() {
        return Ratio.of(right, predicted);
    }

    /** Part of the wanted entities that were predicted. */
    public double recall() {
        return Ratio.of(right, wanted);
    }

    /** The harmonic mean of both. */
    public double f1() {
        return Ratio.f1(right, predicted, wanted);
    }
}
