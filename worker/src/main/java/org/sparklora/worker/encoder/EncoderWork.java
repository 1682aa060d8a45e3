package org.sparklora.worker.encoder;

import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.Encoder.Multiplied;

/**
 * The cost of an encoder with frozen weights by stage: operations, and values that autograd keeps. {@link Encoder} numbers
 * the stages. {@link org.sparklora.worker.lora.LoraVariant} knows the cost of LoRA modules.
 *
 * <p>Operations are those of matrix products; a multiply-add counts as two. Element-wise work (GELU, softmax, layer
 * normalization, dropout) is not included.
 */
public final class EncoderWork {

    private final int layers;
    private final int hidden;
    private final int heads;

    /** Weight entries of each stage that are multiplied with every token. */
    private final long[] everyToken;

    /** Weight entries of each stage that are multiplied with the first token of a row. */
    private final long[] firstToken;

    /** The part of both whose Linears read the stage's input. */
    private final long[] everyTokenOfInput;

    private final long[] firstTokenOfInput;

    /** The widest output of a Linear in each stage. */
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

    /** Number of stages: embeddings, layers, and a possible pooler. */
    public int stages() {
        return everyToken.length;
    }

    /**
     * Maximum number of vectors, for a row of S tokens, that the LoRA module of a Linear is multiplied with: 1 in the last
     * layer, or one per attention head. If the module's inputs drop out, attention needs every token with its own mask.
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
     * Operations that carry the gradient of a row of S tokens from a stage's output to its input, or in the lowest trainable
     * stage to its LoRA modules. A frozen weight takes one product, because it has no gradient of its own. Attention takes
     * two, because both factors depend on the input. It takes one in the last layer if that is the lowest trainable stage,
     * because the input itself is a factor.
     *
     * @param lowest whether the stage is the lowest trainable one
     */
    public double backward(int stage, int length, boolean lowest) {
        double input = lowest ? 2.0 * everyTokenOfInput[stage] * length + 2.0 * firstTokenOfInput[stage] : 0;
        int factors = lowest && encoder.firstTokenAlone(stage) ? 1 : 2;
        return products(stage, length) - input + factors * attention(stage, length);
    }

    private double products(int stage, int length) {
        return 2.0 * everyToken[stage] * length + 2.0 * firstToken[stage];
    }

    /** Q Kᵀ and P V, S x S x H each. For the first token only: a query and a mean per head, N x S x H each. */
    private double attention(int stage, int length) {
        int vectors = encoder.firstTokenAlone(stage) ? heads : length;
        return stage == 0 || stage > layers ? 0 : 4.0 * vectors * length * hidden;
    }

    /**
     * float32 values that autograd keeps for a stage and a row of S tokens until backward has passed it: the stage's input
     * (for LoRA modules), Q, K and V by head, attention's output and the logarithm of each softmax's sum, and the inputs of
     * both layer normalizations and of the GELU. For the first token only, the N x S probabilities and a query and a mean per
     * head replace K, V and the sums. Dropout is not included: each mask would add its tensor twice, and attention's mask
     * also the probabilities of every token.
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
