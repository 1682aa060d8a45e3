package org.sparklora.worker.inference;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.ObjIntConsumer;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.data.TextTokenizer;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.inference.MergedModel.Outputs;

/**
 * Scores texts with one merged model, which all scorers of this JVM share. Not thread-safe: each task opens its own and closes
 * it.
 */
public final class TextScorer extends Scorer implements AutoCloseable {

    private final TrainedModel trained;
    private final String key;
    private final MergedModel model;
    private final TextTokenizer tokenizer;
    private final boolean sharesTrunk;

    /** Closes the tokenizer and releases the model when it is closed. */
    TextScorer(TrainedModel trained, String key, MergedModel model, TextTokenizer tokenizer, boolean sharesTrunk) {
        super(tokenizer);
        this.trained = trained;
        this.key = key;
        this.model = model;
        this.tokenizer = tokenizer;
        this.sharesTrunk = sharesTrunk;
    }

    /** A scorer of a trained model. */
    public static TextScorer open(TrainedModel trained) {
        return open(trained, false);
    }

    /**
     * A scorer of a trained model.
     *
     * @param sharesTrunk whether it is one of several models that score the same rows: then it keeps trunk activations for the others
     *     in this JVM, and takes theirs
     */
    public static TextScorer open(TrainedModel trained, boolean sharesTrunk) {
        TextTokenizer tokenizer =
                TextTokenizer.open(trained.text().tokenizer(), trained.text().maxLength());
        try {
            String key = trained.key();
            return new TextScorer(trained, key, MergedModels.acquire(key, trained), tokenizer, sharesTrunk);
        } catch (RuntimeException e) {
            tokenizer.close();
            throw e;
        }
    }

    @Override
    public int outputs() {
        return trained.head().outputs();
    }

    @Override
    public void logits(Shard shard, ObjIntConsumer<float[]> results) {
        each(shard, (batch, tokens) -> sharesTrunk ? model.logits(batch, tokens) : model.logits(tokens), results);
    }

    @Override
    void logitsAndVectors(Shard shard, Pooling pooling, ObjIntConsumer<float[]> results) {
        each(
                shard,
                (batch, tokens) -> {
                    Outputs outputs = model.outputs(tokens, pooling == Pooling.MEAN);
                    NDArray vectors = pooling == Pooling.MEAN ? mean(outputs.hidden(), batch) : outputs.hidden();
                    return outputs.logits().concat(vectors, 1);
                },
                results);
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

    private void each(Shard shard, BiFunction<Batch, Tokens, NDArray> computation, ObjIntConsumer<float[]> results) {
        for (int[] positions : shard.batchesByLength()) {
            float[] values = compute(shard.examples(positions), computation);
            int width = values.length / positions.length;
            for (int i = 0; i < positions.length; i++) {
                results.accept(Arrays.copyOfRange(values, i * width, (i + 1) * width), positions[i]);
            }
        }
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
