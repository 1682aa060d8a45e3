package org.sparklora.worker.encoder;

import ai.djl.ndarray.NDArray;
import java.util.List;
import java.util.Optional;
import org.sparklora.worker.contract.DropoutRates;
import org.sparklora.worker.contract.TensorSpec;

/**
 * A transformer encoder, layer by layer, so that the caller decides where gradients start.
 *
 * <p>Stages count from 0: stage 0 is the embeddings, stage i + 1 is layer i, stage {@code layers() + 1} the pooler where
 * the encoder {@linkplain #pools() pools}. The head is the stage after the last, {@link #stages()}: {@code layers() + 2}
 * above a pooler, {@code layers() + 1} without one. An encoder is made for one {@link HeadInput}: for heads that read every
 * token no pooler takes part, whatever the architecture.
 *
 * <p>A result is owned by the manager of the stage's input; the input is consumed (closed). Implementations hold names and
 * sizes only: no state, safe from any thread.
 */
public interface Encoder {

    /** Number of layers. */
    int layers();

    /** H. */
    int hiddenSize();

    /** N, attention heads of a layer. */
    int heads();

    /** Longest sequence the position table allows. */
    int maxPositions();

    /** Standard deviation for new heads (initializer_range). */
    double initializerRange();

    /** Token ids there are: rows of the word embedding. */
    int vocabularySize();

    /** The base model's own dropout: hidden and attention, with the head's default. */
    DropoutRates modelDropout();

    /** Every weight that a checkpoint must hold, with its shape, ordered by name. */
    List<TensorSpec> weights();

    /** Paths of every Linear that LoRA can adapt, ordered by path, with weight [out, in]. */
    List<TensorSpec> linears();

    /** Names and shapes of every bias of the encoder. */
    List<TensorSpec> biases();

    /** What of the last layer the head reads. */
    HeadInput headInput();

    /** Whether a pooler stands between the last layer and the head. */
    boolean pools();

    /** The layers of the head, which are not the encoder's own and train whole. */
    HeadLayers head();

    /** Number of stages: embeddings, layers, and the pooler if there is one. It is also the number of the head. */
    default int stages() {
        return layers() + (pools() ? 2 : 1);
    }

    /** Whether a stage results in one vector a sequence, of its first token, and not in one for each token. */
    default boolean firstTokenAlone(int stage) {
        return headInput() == HeadInput.FIRST_TOKEN && stage >= layers();
    }

    /** Whether one vector a sequence enters a stage, the head included, and not one for each token. */
    default boolean firstTokenEnters(int stage) {
        return firstTokenAlone(stage - 1);
    }

    /** Stage of a weight or module by its name; {@link #stages()} for what is not the encoder's, such as a head. */
    int stageOf(String name);

    /** What of a sequence the weight of a Linear is multiplied with, where {@link #firstTokens} ends. */
    enum Multiplied {
        /** Each token. */
        EVERY_TOKEN,
        /** The first token. */
        FIRST_TOKEN,
        /** The N parts of one vector, one by each head's rows of the weight. */
        ONE_VECTOR_BY_HEAD
    }

    /** What the weight of a Linear is multiplied with. */
    Multiplied multiplied(String path);

    /** Whether a Linear multiplies its stage's input: no gradient passes through it in the lowest stage that trains. */
    boolean readsStageInput(String path);

    /** What a person calls a stage: {@code embeddings}, {@code layer 11}, {@code pooler} or {@code head}. */
    default String stageName(int stage) {
        if (stage == 0) {
            return "embeddings";
        }
        if (stage <= layers()) {
            return "layer " + (stage - 1);
        }
        return stage < stages() ? "pooler" : "head";
    }

    /** The encoder as TorchScript; empty where nobody has written that down yet. */
    default Optional<EncoderScript> script() {
        return Optional.empty();
    }

    /** Our name of a checkpoint's tensor; empty for tensors that fine-tuning does not use. */
    Optional<String> canonicalName(String checkpointName);

    /** Embeddings of a batch: [B·S, H]. */
    NDArray embed(ForwardPass pass, Tokens tokens);

    /** Layer i: x [B·S, H] to [B·S, H]. */
    NDArray layer(int layer, ForwardPass pass, NDArray x, Tokens tokens);

    /**
     * Layer i for the first token of each sequence alone, which is all that a head of whole sequences reads of the last
     * layer: x [B·S, H] to [B, H]. Every token is attended to; none but the first is multiplied with a weight.
     */
    NDArray firstTokens(int layer, ForwardPass pass, NDArray x, Tokens tokens);

    /** The pooler, where there is one: the first tokens [B, H] to [B, H]. */
    NDArray pool(ForwardPass pass, NDArray first);
}
