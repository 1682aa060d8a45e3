package org.sparklora.driver.sample;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.sparklora.worker.contract.KeyedRandom;

/**
 * Generates short letters to a shop in five classes from {@code messages.txt}. A seed gives the same messages on every
 * machine.
 *
 * <p>A message has a core, which states what the customer wants and decides the class, among asides that fit every class.
 * The core's text alone decides the split: about one core in five is held out for {@code dev}, so no core of dev occurs in
 * train for any seed and count. Statements and questions are equally frequent in every class.
 *
 * <p>Pure and thread-safe.
 */
public final class SampleMessages {

    /** Name of the training split. */
    public static final String TRAIN = "train";
    /** Name of the validation split. */
    public static final String DEV = "dev";

    private static final String GRAMMAR = "messages.txt";
    private static final int HOLD_OUT_ONE_IN = 5;
    private static final int MIN_WORDS = 6;
    private static final int MAX_WORDS = 25;
    private static final int MAX_TRIES = 1_000;

    private final MessageGrammar grammar;
    private final List<String> labels;

    /** A labelled text. */
    public record LabeledText(String text, String label) {}

    /** Reads the grammar from the jar. */
    public SampleMessages() {
        grammar = MessageGrammar.parse(grammarLines());
        labels = grammar.ruleNames().stream()
                .filter(rule -> rule.endsWith(".tell") && !rule.startsWith("message."))
                .map(rule -> rule.substring(0, rule.indexOf('.')))
                .sorted()
                .toList();
    }

    /** The class names, sorted. */
    public List<String> labels() {
        return labels;
    }

    /**
     * Generates the first {@code count} messages of a split. All are different and the classes alternate.
     *
     * @param split {@link #TRAIN} or {@link #DEV}
     */
    public List<LabeledText> generate(long seed, String split, int count) {
        if (!split.equals(TRAIN) && !split.equals(DEV)) {
            throw new IllegalArgumentException("split '" + split + "' is neither '" + TRAIN + "' nor '" + DEV + "'");
        }
        List<LabeledText> messages = new ArrayList<>();
        Set<String> texts = new HashSet<>();
        for (int i = 0; i < count; i++) {
            String label = labels.get(i % labels.size());
            Choices choices = new Choices(KeyedRandom.key(seed, split + "/" + i));
            String text = newText(label, split, texts, choices);
            texts.add(text);
            messages.add(new LabeledText(text, label));
        }
        return messages;
    }

    private String newText(String label, String split, Set<String> taken, Choices choices) {
        for (int tries = 0; tries < MAX_TRIES; tries++) {
            String form = choices.pick(3) == 0 ? ".ask" : ".tell";
            String core = grammar.expand(label + form, Map.of(), choices::pick);
            String text = sentenceCase(grammar.expand("message" + form, Map.of("core", core), choices::pick));
            int words = text.split(" ").length;
            if (splitOf(core).equals(split) && words >= MIN_WORDS && words <= MAX_WORDS && !taken.contains(text)) {
                return text;
            }
        }
        throw new IllegalStateException("no new '" + label + "' message for " + split + " after " + MAX_TRIES
                + " attempts; request fewer than " + taken.size() + " messages or add lines to " + GRAMMAR);
    }

    /** The split of a core depends on its words alone, so the splits share no core. */
    static String splitOf(String core) {
        return Math.floorMod(KeyedRandom.key(0, core), HOLD_OUT_ONE_IN) == 0 ? DEV : TRAIN;
    }

    private static String sentenceCase(String text) {
        StringBuilder cased = new StringBuilder(text);
        boolean start = true;
        for (int i = 0; i < cased.length(); i++) {
            char c = cased.charAt(i);
            if (Character.isLetter(c)) {
                cased.setCharAt(i, start ? Character.toUpperCase(c) : c);
                start = false;
            } else if (c == '.' || c == '!' || c == '?') {
                start = true;
            }
        }
        return cased.toString();
    }

    private static List<String> grammarLines() {
        try (InputStream in = Objects.requireNonNull(SampleMessages.class.getResourceAsStream(GRAMMAR), GRAMMAR)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + GRAMMAR + " from the jar", e);
        }
    }

    /** The choices of one message: draws 0, 1, 2, … of its key. */
    private static final class Choices {
        private final long key;
        private long drawn;

        Choices(long key) {
            this.key = key;
        }

        int pick(int n) {
            return (int) (KeyedRandom.uniform(key, drawn++) * n);
        }
    }
}
