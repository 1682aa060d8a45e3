package org.sparklora.worker.inference;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.function.ObjIntConsumer;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.data.Encoded;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.data.TextTokenizer;
import org.sparklora.worker.head.Logits;

/**
 * Scores texts on one thread, all with one model or each with its own. Texts of similar length are computed together; results
 * come in the order of the texts.
 */
public abstract class Scorer {

    private final TextTokenizer tokenizer;

    Scorer(TextTokenizer tokenizer) {
        this.tokenizer = tokenizer;
    }

    /** How the vector of a whole text is made. */
    public enum Pooling {
        /** The last layer's output for the first token, [CLS] or {@code <s>}. */
        CLS,
        /** The mean of the last layer's outputs for all tokens except padding. */
        MEAN
    }

    /** A text, or a pair of texts; a row without text has no scores. */
    public record TextRow(@Nullable String text, @Nullable String pair) {}

    /** C, the outputs of the head. */
    public abstract int outputs();

    /**
     * Passes on the logits of tokenized rows and the position of each row in the shard, in any order: [C] each, or [S, C] if the
     * head reads every token. S is the length of the longest row in the same batch.
     */
    public abstract void logits(Shard shard, ObjIntConsumer<float[]> results);

    /** The same with C + H values of each row, logits and the text's vector. */
    abstract void logitsAndVectors(Shard shard, Pooling pooling, ObjIntConsumer<float[]> results);

    /** Logits [C] of each row; null for a row without scores. */
    public final List<float @Nullable []> logits(List<TextRow> rows) {
        Shard shard = shard(rows);
        List<float @Nullable []> results = none(rows.size());
        logits(shard, (values, position) -> results.set(row(shard, position), values));
        return results;
    }

    /** Logits [C] and then a vector [H] of each row, C + H values; null for a row without scores. */
    public final List<float @Nullable []> logitsAndVectors(List<TextRow> rows, Pooling pooling) {
        Shard shard = shard(rows);
        List<float @Nullable []> results = none(rows.size());
        logitsAndVectors(shard, pooling, (values, position) -> results.set(row(shard, position), values));
        return results;
    }

    /**
     * The class of each word of pre-split rows: the largest logit at the word's first token. −1 for a word that was truncated;
     * null for a row without words or without scores.
     */
    public final List<int @Nullable []> classes(List<@Nullable List<String>> rows) {
        List<Example> examples = new ArrayList<>(rows.size());
        for (int row = 0; row < rows.size(); row++) {
            List<String> words = rows.get(row);
            if (words == null || words.isEmpty()) {
                continue;
            }
            Encoded encoded = tokenizer.encodeWords(words);
            float[] numbers = new float[words.size()];
            for (int word = 0; word < numbers.length; word++) {
                numbers[word] = word;
            }
            // Each word's number takes the place of its label, so results can be assigned to words.
            examples.add(encoded.example(encoded.labels(numbers), 1, row));
        }
        Shard shard = Shard.of(0, examples);
        List<int @Nullable []> results = new ArrayList<>(Collections.nCopies(rows.size(), null));
        logits(shard, (logits, position) -> {
            Example example = shard.example(position);
            int row = row(shard, position);
            List<String> words = rows.get(row);
            int[] classes = new int[words == null ? 0 : words.size()];
            Arrays.fill(classes, -1);
            for (int token = 0; token < example.length(); token++) {
                float word = example.labels()[token];
                if (word != Example.IGNORED) {
                    classes[(int) word] = Logits.argmax(logits, token * outputs(), outputs());
                }
            }
            results.set(row, classes);
        });
        return results;
    }

    private static List<float @Nullable []> none(int rows) {
        return new ArrayList<>(Collections.nCopies(rows, null));
    }

    /** Every row with a text; its key is its row number. */
    private Shard shard(List<TextRow> rows) {
        List<Example> examples = new ArrayList<>(rows.size());
        for (int row = 0; row < rows.size(); row++) {
            String text = rows.get(row).text();
            if (text != null && !text.isEmpty()) {
                examples.add(tokenizer.encode(text, rows.get(row).pair()).example(0, 1, row));
            }
        }
        return Shard.of(0, examples);
    }

    private static int row(Shard shard, int position) {
        return Math.toIntExact(shard.example(position).key());
    }
}
