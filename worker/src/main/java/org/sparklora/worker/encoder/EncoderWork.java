package org.sparklora.worker.encoder;

import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.Encoder.Multiplied;

/**
 * What the stages of an encoder with frozen weights cost: operations, and what autograd keeps. Stages as {@link Encoder}
 * counts them; LoRA pairs are not included.
 *
 * <p>Operations are those of matrix products, a multiplication with its addition counting as two. Element-wise work
 * (GELU, softmax, layer normalisation, dropout) is left out.
 */
public final class EncoderWork {

    private final int layers;
    private final int hidden;
    private final int heads;

    /** Entries of a stage's weight matrices that every token is multiplied with. */
    private final long[] everyToken;

    /** Entries of those that the first token of a row is multiplied with. */
    private final long[] firstToken;

    /** Of both, entries of those that read the stage's input. */
    private final long[] everyTokenOfInput;

    private final long[] firstTokenOfInput;

    /** The widest result within a stage. */
    private final int[] widest;

    private final Encoder encoder;

    private EncoderWork(Encoder encoder) {
        this.encoder = encoder;
        this.layers = encoder.layers();
        this.hidden = encoder.hiddenSize();
        this.heads = encoder.heads();
        this.everyToken = new long[encoder.stages()];
        this.firstToken = new long[encoder.stages()];
        this.everyTokenOfInput = new long[encoder.stages()];
        this.firstTokenOfInput = new long[encoder.stages()];
        this.widest = new int[encoder.stages()];
        for (TensorSpec weight : encoder.linears()) {
            int stage = encoder.stageOf(weight.name());
            boolean every = encoder.multiplied(weight.name()) == Multiplied.EVERY_TOKEN;
            (every ? everyToken : firstToken)[stage] += weight.size();
            if (encoder.readsStageInput(weight.name())) {
                (every ? everyTokenOfInput : firstTokenOfInput)[stage] += weight.size();
            }
            widest[stage] = Math.max(widest[stage], weight.shape().get(0));
        }
    }

    /** The costs of an encoder. */
    public static EncoderWork of(Encoder encoder) {
        return new EncoderWork(encoder);
    }

    /** Number of stages: embeddings, layers, and the pooler if there is one. */
    public int stages() {
        return everyToken.length;
    }

    /**
     * Vectors of a row of S tokens that the LoRA pair of a Linear is multiplied with, at most: in the last layer 1, or
     * one for each head; where the inputs of a pair drop out, attention reads every token by its own mask.
     */
    public int vectors(String linear, int length, boolean dropsOut) {
        return switch (encoder.multiplied(linear)) {
            case EVERY_TOKEN -> length;
            case FIRST_TOKEN -> 1;
            case ONE_VECTOR_BY_HEAD -> dropsOut ? length : heads;
        };
    }

    /** Operations of a stage's forward pass for a row of S tokens. */
    public double forward(int stage, int length) {
        return products(stage, length) + attention(stage, length);
    }

    /**
     * Operations that carry the gradient of a row of S tokens from a stage's result to its input, or in the lowest stage
     * that trains to its LoRA pairs. A frozen weight takes one product, for it has no gradient of its own; attention takes
     * two, as both its factors depend on the input; one in the last layer if it is the lowest, as the input is a factor
     * itself.
     *
     * @param lowest whether the stage is the lowest one that trains
     */
    public double backward(int stage, int length, boolean lowest) {
        double input = lowest ? 2.0 * everyTokenOfInput[stage] * length + 2.0 * firstTokenOfInput[stage] : 0;
        int factors = lowest && encoder.firstTokenAlone(stage) ? 1 : 2;
        return products(stage, length) - input + factors * attention(stage, length);
    }

    private double products(int stage, int length) {
        return 2.0 * everyToken[stage] * length + 2.0 * firstToken[stage];
    }

    /** Q Kᵀ and P V, S x S x H each; for the first token alone a query and a mean of each head, N x S x H. */
    private double attention(int stage, int length) {
        int vectors = encoder.firstTokenAlone(stage) ? heads : length;
        return stage == 0 || stage > layers ? 0 : 4.0 * vectors * length * hidden;
    }

    /**
     * float32 values that autograd keeps of a stage, for a row of S tokens, until backward has passed it: the stage's
     * input, which LoRA pairs read, Q, K and V by head, attention's result and the logarithm of each softmax's sum, the
     * input of both layer normalisations, and that of the GELU. For the first token alone the N x S probabilities, and a query and
     * a mean of each head, are in the place of K, V and the sums. Without dropout: each mask would add its tensor twice,
     * attention's also the probabilities of every token.
     */
    public double kept(int stage, int length) {
        if (stage == 0) {
            return 0;
        }
        if (stage > layers) {
            return 2.0 * hidden;
        }
        return encoder.firstTokenAlone(stage)
                ? length * (double) hidden + heads * (2.0 * hidden + length) + 3.0 * hidden + widest[stage]
                : length * (7.0 * hidden + widest[stage] + heads);
    }
}
