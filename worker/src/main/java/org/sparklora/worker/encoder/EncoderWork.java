package org.sparklora.worker.encoder;

import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.Encoder.Multiplied;

/**
 * The cost of an encoder with frozen weights by layer index: operations, and values that autograd keeps. {@link Encoder} numbers
 * the layers. {@link org.sparklora.worker.lora.LoraVariant} knows the cost of LoRA modules.
 *
 * <p>Operations are those of matrix products; a multiply-add counts as two. Element-wise work (GELU, softmax, layer
 * normalization, dropout) is not included.
 */
public final class EncoderWork {

    private final Encoder encoder;

    /** Weight entries of each layer that are multiplied with every token. */
    private final long[] everyToken;

    /** Weight entries of each layer that are multiplied with the first token of a row. */
    private final long[] firstToken;

    /** The part of both whose Linears read the layer's input. */
    private final long[] everyTokenOfInput;

    private final long[] firstTokenOfInput;

    private EncoderWork(Encoder encoder) {
        int count = encoder.headIndex();
        this.encoder = encoder;
        this.everyToken = new long[count];
        this.firstToken = new long[count];
        this.everyTokenOfInput = new long[count];
        this.firstTokenOfInput = new long[count];
        for (TensorSpec weight : encoder.linears()) {
            int index = encoder.layerIndex(weight.name());
            boolean every = encoder.multiplied(weight.name()) == Multiplied.EVERY_TOKEN;
            (every ? everyToken : firstToken)[index] += weight.size();
            if (encoder.readsLayerInput(weight.name())) {
                (every ? everyTokenOfInput : firstTokenOfInput)[index] += weight.size();
            }
        }
    }

    /** The costs of an encoder. */
    public static EncoderWork of(Encoder encoder) {
        return new EncoderWork(encoder);
    }

    /** Number of layer indexes: embeddings, layers, and a possible pooler. */
    public int headIndex() {
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
            case ONE_VECTOR_BY_HEAD -> dropsOut ? length : encoder.sizes().heads();
        };
    }

    /** Operations of a layer's forward pass for a row of S tokens. */
    public double forward(int layerIndex, int length) {
        return products(layerIndex, length) + attention(layerIndex, length);
    }

    /**
     * Operations that carry the gradient of a row of S tokens from a layer's output to its input, or in the lowest trainable
     * layer to its LoRA modules. A frozen weight takes one product, because it has no gradient of its own. Attention takes
     * two, because both factors depend on the input. It takes one in the last layer if that is the lowest trainable layer,
     * because the input itself is a factor.
     *
     * @param lowest whether the layer is the lowest trainable one
     */
    public double backward(int layerIndex, int length, boolean lowest) {
        double input = lowest ? 2.0 * everyTokenOfInput[layerIndex] * length + 2.0 * firstTokenOfInput[layerIndex] : 0;
        int factors = lowest && encoder.firstTokenAlone(layerIndex) ? 1 : 2;
        return products(layerIndex, length) - input + factors * attention(layerIndex, length);
    }

    private double products(int layerIndex, int length) {
        return 2.0 * everyToken[layerIndex] * length + 2.0 * firstToken[layerIndex];
    }

    private double attention(int layerIndex, int length) {
        return layerIndex == 0 || layerIndex > encoder.layers()
                ? 0
                : encoder.layer(layerIndex).attention(length, encoder.firstTokenAlone(layerIndex));
    }

    /**
     * Bytes that are kept for a layer and a row of S tokens until backward has passed it. Dropout is not included: each mask adds
     * its tensor twice. Attention's mask adds itself, and neither output nor sums are kept then.
     */
    public double keptBytes(int layerIndex, int length, Precision precision) {
        if (layerIndex == 0) {
            return 0;
        }
        return layerIndex > encoder.layers()
                ? encoder.keptOfPooler(length)
                : encoder.layer(layerIndex).keptBytes(length, encoder.firstTokenAlone(layerIndex), precision);
    }
}
