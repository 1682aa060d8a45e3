package org.sparklora.worker.inference;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.ObjIntConsumer;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.data.Encoded;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.data.TextTokenizer;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.head.Logits;
import org.sparklora.worker.inference.MergedModel.Outputs;

/**
 * Scores texts on one thread, with the merged model that all scorers of this JVM share. Texts of similar length are computed
 * together; results come in the order of the texts. Not thread-safe: each task opens its own and closes it.
 */
public final class TextScorer implements AutoCloseable {

    private final TrainedModel trained;
    private final String key;
    private final MergedModel model;
    private final TextTokenizer tokenizer;

    /** How the vector of a whole text is made. */
    public enum Pooling {
        /** The last layer's output for the first token, [CLS] or {@code <s>}. */
        CLS,
        /** The mean of the last layer's outputs for all tokens except padding. */
        MEAN
    }

    /** A text, or a pair of texts; a row without text has no scores. */
    public record TextRow(@Nullable String text, @Nullable String pair) {}

    private TextScorer(TrainedModel trained, String key, MergedModel model, TextTokenizer tokenizer) {
        this.trained = trained;
        this.key = key;
        this.model = model;
        this.tokenizer = tokenizer;
    }

    /** A scorer of a trained model. */
    public static TextScorer open(TrainedModel trained) {
        String key = trained.key();
        TextTokenizer tokenizer =
                TextTokenizer.open(trained.text().tokenizer(), trained.text().maxLength());
        try {
            return new TextScorer(trained, key, MergedModels.acquire(key, trained), tokenizer);
        } catch (RuntimeException e) {
            tokenizer.close();
            throw e;
        }
    }

    /** C, the outputs of the model's head. */
    public int outputs() {
        return trained.head().outputs();
    }

    /** Logits [C] of each row; null for a row without text. */
    public List<float @Nullable []> logits(List<TextRow> rows) {
        return each(rows, (batch, tokens) -> model.logits(tokens));
    }

    /**
     * The class of each word of pre-split rows: the largest logit at the word's first token. −1 for a word that was truncated;
     * null for a row without words.
     */
    public List<int @Nullable []> classes(List<@Nullable List<String>> rows) {
        List<Example> examples = new ArrayList<>(rows.size());
        List<int @Nullable []> results = new ArrayList<>(rows.size());
        for (int row = 0; row < rows.size(); row++) {
            List<String> words = rows.get(row);
            if (words == null || words.isEmpty()) {
                results.add(null);
                continue;
            }
            Encoded encoded = tokenizer.encodeWords(words);
            float[] numbers = new float[words.size()];
            for (int word = 0; word < numbers.length; word++) {
                numbers[word] = word;
            }
            // Each word's number takes the place of its label, so results can be assigned to words.
            examples.add(encoded.example(encoded.labels(numbers), 1, row));
            int[] none = new int[words.size()];
            Arrays.fill(none, -1);
            results.add(none);
        }
        Shard shard = Shard.of(0, examples);
        int outputs = trained.head().outputs();
        each(shard, (batch, tokens) -> model.logits(tokens), (logits, position) -> {
            Example example = shard.example(position);
            int[] classes = results.get(Math.toIntExact(example.key()));
            for (int token = 0; classes != null && token < example.length(); token++) {
                float word = example.labels()[token];
                if (word != Example.IGNORED) {
                    classes[(int) word] = Logits.argmax(logits, token * outputs, outputs);
                }
            }
        });
        return results;
    }

    /** Logits [C] and then a vector [H] of each row, C + H values; null for a row without text. */
    public List<float @Nullable []> logitsAndVectors(List<TextRow> rows, Pooling pooling) {
        return each(rows, (batch, tokens) -> {
            Outputs outputs = model.outputs(tokens, pooling == Pooling.MEAN);
            NDArray vectors = pooling == Pooling.MEAN ? mean(outputs.hidden(), batch) : outputs.hidden();
            return outputs.logits().concat(vectors, 1);
        });
    }

    private static NDArray mean(NDArray hidden, Batch batch) {
        NDManager manager = hidden.getManager();
        NDArray byRow = hidden.reshape(batch.rows(), batch.length(), -1);
        float[] weights = batch.attentionMask().clone();
        for (int row = 0; row < batch.rows(); row++) {
            float tokens = 0;
            for (int s = 0; s < batch.length(); s++) {
                tokens += weights[row * batch.length() + s];
            }
            for (int s = 0; s < batch.length(); s++) {
                weights[row * batch.length() + s] /= tokens;
            }
        }
        return Tensors.floats(manager, weights, batch.rows(), 1, batch.length())
                .matMul(byRow)
                .reshape(batch.rows(), -1);
    }

    /**
     * Passes on the logits of tokenized rows and the position of each row in the shard, in the order of their lengths: [C]
     * each, or [S, C] if the head reads every token. S is the length of the longest row in the same batch.
     */
    public void logits(Shard shard, ObjIntConsumer<float[]> results) {
        each(shard, (batch, tokens) -> model.logits(tokens), results);
    }

    private List<float @Nullable []> each(List<TextRow> rows, BiFunction<Batch, Tokens, NDArray> computation) {
        List<float @Nullable []> results = new ArrayList<>(Collections.nCopies(rows.size(), null));
        Shard shard = Shard.of(0, examples(rows));
        each(
                shard,
                computation,
                (values, position) ->
                        results.set(Math.toIntExact(shard.example(position).key()), values));
        return results;
    }

    private void each(Shard shard, BiFunction<Batch, Tokens, NDArray> computation, ObjIntConsumer<float[]> results) {
        for (int[] positions : shard.batchesByLength()) {
            float[] values = compute(shard.examples(positions), computation);
            int width = values.length / positions.length;
            for (int i = 0; i < positions.length; i++) {
                results.accept(Arrays.copyOfRange(values, i * width, (i + 1) * width), positions[i]);
            }
        }
    }

    /** Every row with a text; its key is its row number. */
    private List<Example> examples(List<TextRow> rows) {
        List<Example> examples = new ArrayList<>(rows.size());
        for (int row = 0; row < rows.size(); row++) {
            String text = rows.get(row).text();
            if (text != null && !text.isEmpty()) {
                examples.add(tokenizer.encode(text, rows.get(row).pair()).example(0, 1, row));
            }
        }
        return examples;
    }

    private float[] compute(List<Example> examples, BiFunction<Batch, Tokens, NDArray> computation) {
        Torch.prepareThread();
        Batch batch = Batch.of(examples, trained.text().tokenizer().padTokenId());
        try (NDManager manager = Torch.newManager()) {
            return Tensors.toFloats(computation.apply(batch, Tokens.of(manager, batch)));
        }
    }

    @Override
    public void close() {
        MergedModels.release(key);
        tokenizer.close();
    }
}
