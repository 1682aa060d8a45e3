package org.sparklora.driver.cluster.score;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Compares predicted tags of words with actual ones, row by row, as the script conlleval of the CoNLL-2000 shared task does.
 * An entity is correct if its type, first word and last word are. Precision, recall and F1 are over the entities of all types,
 * accuracy is over the words. No entity spans two rows. Not thread-safe.
 */
public final class EntityCounts extends Counts {

    private static final long serialVersionUID = 1L;

    private long words;
    private long correctWords;

    /**
     * An entity within a row.
     *
     * @param type the part of its tags after the first hyphen
     * @param from its first word, from 0
     * @param to the word after its last
     */
    record Entity(String type, int from, int to) {}

    /** Adds a row: a predicted and an actual tag for each word. */
    public void add(List<String> predicted, List<String> actual) {
        if (predicted.size() != actual.size()) {
            throw new IllegalArgumentException(
                    predicted.size() + " predicted tags, but " + actual.size() + " actual ones");
        }
        for (int i = 0; i < actual.size(); i++) {
            correctWords += predicted.get(i).equals(actual.get(i)) ? 1 : 0;
        }
        words += actual.size();
        Set<Entity> found = new HashSet<>(entities(predicted));
        List<Entity> wanted = entities(actual);
        add(wanted.stream().filter(found::contains).count(), found.size(), wanted.size());
    }

    /** Adds the counts of other rows. */
    public void merge(EntityCounts other) {
        super.merge(other);
        words += other.words;
        correctWords += other.correctWords;
    }

    /**
     * Returns the entities of a row, as conlleval reads BIO tags. B- starts an entity. I- continues an entity of its own type,
     * and starts one after O or another type. Any other tag belongs to no entity.
     */
    static List<Entity> entities(List<String> tags) {
        List<Entity> entities = new ArrayList<>();
        String open = "";
        int from = -1;
        for (int i = 0; i <= tags.size(); i++) {
            String tag = i < tags.size() ? tags.get(i) : "O";
            boolean begins = tag.startsWith("B-");
            boolean inside = begins || tag.startsWith("I-");
            String type = inside ? tag.substring(2) : "";
            boolean continues = inside && !begins && from >= 0 && type.equals(open);
            if (from >= 0 && !continues) {
                entities.add(new Entity(open, from, i));
                from = -1;
            }
            if (inside && !continues) {
                open = type;
                from = i;
            }
        }
        return entities;
    }

    /** Share of the words whose tag is correct. */
    public double accuracy() {
        return Counts.ratio(correctWords, words);
    }
}
