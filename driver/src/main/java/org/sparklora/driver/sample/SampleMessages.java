package org.sparklora.driver.sample;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.sparklora.worker.contract.KeyedRandom;

/**
 * Short letters to a shop in five classes, generated from {@code messages.txt}: the same seed gives the same messages,
 * on any machine.
 *
 * <p>A message is a core (what the customer wants, which is the class) among asides that fit every class. The core's
 * text alone decides whether it belongs to {@code train} or {@code dev}: about one in five is held out, so no core
 * of dev is ever seen in train, whatever the seeds and the counts. Statements and questions are equally frequent in
 * every class.
 *
 * <p>Pure; safe from any thread.
 */
public final class SampleMessages {

    /** Name of the training part. */
    public static final String TRAIN = "train";
    /** Name of the part to validate on. */
    public static final String DEV = "dev";

    private static final String GRAMMAR = "messages.txt";
    private static final int HOLD_OUT_ONE_IN = 5;
    private static final int FEWEST_WORDS = 6;
    private static final int MOST_WORDS = 25;
    private static final int MOST_TRIES = 1_000;

    private final MessageGrammar grammar;
    private final List<String> labels;

    /** Reads the grammar, which is a resource of the jar. */
    public SampleMessages() {
        grammar = MessageGrammar.parse(grammarLines());
        labels = grammar.ruleNames().stream()
                .filter(rule -> rule.endsWith(".tell") && !rule.startsWith("message."))
                .map(rule -> rule.substring(0, rule.indexOf('.')))
                .sorted()
                .toList();
    }

    /** The classes, sorted. */
    public List<String> labels() {
        return labels;
    }

    /**
     * The first {@code count} messages of a split, all different, the classes taking turns.
     *
     * @param split {@link #TRAIN} or {@link #DEV}
     */
    public List<Message> generate(long seed, String split, int count) {
        if (!split.equals(TRAIN) && !split.equals(DEV)) {
            throw new IllegalArgumentException("split '" + split + "' is neither '" + TRAIN + "' nor '" + DEV + "'");
        }
        List<Message> messages = new ArrayList<>();
        Set<String> texts = new HashSet<>();
        for (int i = 0; i < count; i++) {
            String label = labels.get(i % labels.size());
            Choices choices = new Choices(KeyedRandom.key(seed, split + "/" + i));
            String text = newText(label, split, texts, choices);
            texts.add(text);
            messages.add(new Message(text, label));
        }
        return messages;
    }

    private String newText(String label, String split, Set<String> taken, Choices choices) {
        for (int tries = 0; tries < MOST_TRIES; tries++) {
            String form = choices.pick(3) == 0 ? ".ask" : ".tell";
            String core = grammar.expand(label + form, Map.of(), choices::pick);
            String text = sentenceCase(grammar.expand("message" + form, Map.of("core", core), choices::pick));
            int words = text.split(" ").length;
            if (splitOf(core).equals(split) && words >= FEWEST_WORDS && words <= MOST_WORDS && !taken.contains(text)) {
                return text;
            }
        }
        throw new IllegalStateException("no new '" + label + "' message for " + split + " in " + MOST_TRIES
                + " tries; ask for fewer than " + taken.size() + " messages or add lines to " + GRAMMAR);
    }

    /** Where a core belongs: a property of its words, so that the two splits cannot share one. */
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
        try (InputStream in = SampleMessages.class.getResourceAsStream(GRAMMAR)) {
            if (in == null) {
                throw new IllegalStateException(GRAMMAR + " is not beside " + SampleMessages.class.getName()
                        + " on the class path; rebuild the driver module");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + GRAMMAR + " from the class path", e);
        }
    }

    /** The stream of choices of one message: draws 0, 1, 2 … of its key. */
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
