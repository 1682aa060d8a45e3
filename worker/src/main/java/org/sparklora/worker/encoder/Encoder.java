package org.sparklora.worker.encoder;

import ai.djl.ndarray.NDArray;
import java.util.List;
import java.util.Optional;
import org.sparklora.worker.contract.DropoutRates;
import org.sparklora.worker.contract.TensorSpec;

/**
 * A transformer encoder, layer by layer, so that the caller decides where gradients start.
 *
 * <p>Stages count from 0: stage 0 is the embeddings, stage i + 1 is layer i, and stage {@code layers() + 1} is the pooler if
 * the encoder {@linkplain #pools() pools}. The head has the number after the last stage, {@link #stages()}. An encoder is
 * made for one {@link HeadInput}: if heads read every token, it has no pooler, whatever the architecture.
 *
 * <p>A result belongs to the manager of the stage's input; the input is consumed (closed). Implementations hold names and
 * sizes but no state, and are safe from any thread.
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

    /** Number of token ids: rows of the word embedding. */
    int vocabularySize();

    /** The base model's own dropout: hidden and attention, with the head's default. */
    DropoutRates modelDropout();

    /** Every weight that a checkpoint must hold, ordered by name. */
    List<TensorSpec> weights();

    /** Paths of every Linear that LoRA can adapt, ordered by path, with weight [out, in]. */
    List<TensorSpec> linears();

    /** Names and shapes of every bias of the encoder. */
    List<TensorSpec> biases();

    /** The part of the last layer's output that the head reads. */
    HeadInput headInput();

    /** Whether a pooler runs between the last layer and the head. */
    boolean pools();

    /** The layers of the head, which train whole. */
    HeadLayers head();

    /** Number of stages: embeddings, layers, and a possible pooler. It is also the number of the head. */
    default int stages() {
        return layers() + (pools() ? 2 : 1);
    }

    /** Whether a stage outputs one vector per sequence, for the first token, instead of one per token. */
    default boolean firstTokenAlone(int stage) {
        return headInput() == HeadInput.FIRST_TOKEN && stage >= layers();
    }

    /** Whether the input of a stage or of the head is one vector per sequence instead of one per token. */
    default boolean firstTokenEnters(int stage) {
        return firstTokenAlone(stage - 1);
    }

    /** Stage of a weight or module by its name; {@link #stages()} if it is not the encoder's own, for example the head's. */
    int stageOf(String name);

    /** What the weight of a Linear is multiplied with, per sequence. Only {@link #firstTokens} uses less than every token. */
    enum Multiplied {
        /** Each token. */
        EVERY_TOKEN,
        /** The first token. */
        FIRST_TOKEN,
        /** N parts of one vector, each by the rows of one attention head. */
        ONE_VECTOR_BY_HEAD
    }

    /** What the weight of a Linear is multiplied with. */
    Multiplied multiplied(String path);

    /** Whether a Linear multiplies its stage's input. In the lowest trainable stage, no gradient passes through such a Linear. */
    boolean readsStageInput(String path);

    /** The name of a stage in messages: {@code embeddings}, {@code layer 11}, {@code pooler} or {@code head}. */
    default String stageName(int stage) {
        if (stage == 0) {
            return "embeddings";
        }
        if (stage <= layers()) {
            return "layer " + (stage - 1);
        }
        return stage < stages() ? "pooler" : "head";
    }

    /** The encoder as TorchScript; empty if that is not written yet. */
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
     * Layer i for the first token of each sequence only, because a head of whole sequences reads nothing else of the last
     * layer: x [B·S, H] to [B, H]. The first token attends to every token, but no other token is multiplied with a weight.
     */
    NDArray firstTokens(int layer, ForwardPass pass, NDArray x, Tokens tokens);

    /** The pooler: the first tokens [B, H] to [B, H]. */
    NDArray pool(ForwardPass pass, NDArray first);
}
