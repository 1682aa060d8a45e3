package org.sparklora.worker.encoder.modernbert;

import ai.djl.ndarray.NDArray;
import java.util.List;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.EncoderPart;
import org.sparklora.worker.encoder.EncoderScript;
import org.sparklora.worker.encoder.EncoderSizes;
import org.sparklora.worker.encoder.ForwardPass;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.encoder.HiddenActivation;
import org.sparklora.worker.encoder.Pooler;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.engine.Variable;

/**
 * What lies between the last layer and the classifier: {@code final_norm}, pooling, and transformers' {@code head}: a Linear,
 * GELU and a normalization. All of it comes with the checkpoint.
 *
 * @param activation of the head
 */
record ModernBertPooler(EncoderSizes sizes, Pooling pooling, HiddenActivation activation) implements Pooler {

    private static final String FINAL_NORM = "model.final_norm";
    private static final String DENSE = "head.dense";
    private static final String NORM = "head.norm";

    /** What the head reads. */
    enum Pooling {
        /** The first token: {@code classifier_pooling: cls}. */
        FIRST,
        /** The mean of the tokens that are no padding: {@code classifier_pooling: mean}. */
        MEAN,
        /** Every token by itself: token classification. */
        NONE
    }

    @Override
    public List<TensorSpec> weights() {
        return EncoderPart.withoutBiases(linears(), norms(), sizes.hidden());
    }

    @Override
    public List<TensorSpec> linears() {
        return List.of(new TensorSpec(DENSE, List.of(sizes.hidden(), sizes.hidden())));
    }

    @Override
    public List<String> norms() {
        return List.of(FINAL_NORM, NORM);
    }

    @Override
    public HeadInput reads() {
        return pooling == Pooling.FIRST ? HeadInput.FIRST_TOKEN : HeadInput.EVERY_TOKEN;
    }

    @Override
    public Variable lastHidden(ForwardPass pass, Variable x) {
        return pass.normalize(FINAL_NORM, x, sizes.layerNormEps());
    }

    @Override
    public Variable pool(ForwardPass pass, Variable x, Tokens tokens) {
        Variable last = lastHidden(pass, x);
        Variable read = pooling == Pooling.MEAN ? last.traced(rows -> mean(rows, tokens)) : last;
        Variable activated = pass.linearWithGelu(DENSE, pass.inPrecisionOf(DENSE, read), activation);
        return pass.normalize(NORM, activated, sizes.layerNormEps());
    }

    /** x [B·S, H] to the mean of each row's tokens, [B, H]. The mask's exponential is 1 for a token and 0 for padding. */
    private static NDArray mean(NDArray x, Tokens tokens) {
        NDArray there = tokens.mask().squeeze(1).exp();
        there.attach(x.getManager());
        return there.matMul(tokens.byRow(x)).squeeze(1).div(there.sum(new int[] {2}));
    }

    /** The inputs of both normalizations and of GELU, and for the mean what it is of: of every token, as far as the head reads. */
    @Override
    public double keptBytes(int length) {
        int ofTokens = pooling == Pooling.FIRST ? 0 : pooling == Pooling.MEAN ? 2 : 3;
        return Float.BYTES * (double) sizes.hidden() * (ofTokens * length + 3);
    }

    @Override
    public String script(String x) {
        String last = ModernBertLayer.norm(FINAL_NORM, x, sizes);
        String there = "torch.unsqueeze(torch.to(attention_mask, x0), -1)";
        String read = pooling == Pooling.MEAN
                ? "torch.div(torch.sum(torch.mul(" + last + ", " + there + "), [1]), torch.sum(" + there + ", [1]))"
                : last;
        String dense = "torch.linear(" + read + ", " + EncoderScript.weight(DENSE + ".weight") + ")";
        return ModernBertLayer.norm(NORM, "torch.gelu(" + dense + ", approximate=" + activation.script() + ")", sizes);
    }
}
