package org.sparklora.worker.encoder.modernbert;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.Encoder.Multiplied;
import org.sparklora.worker.encoder.EncoderLayer;
import org.sparklora.worker.encoder.EncoderPart;
import org.sparklora.worker.encoder.EncoderScript;
import org.sparklora.worker.encoder.EncoderSizes;
import org.sparklora.worker.encoder.ForwardPass;
import org.sparklora.worker.encoder.modernbert.LayerType.View;
import org.sparklora.worker.engine.Ops;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Variable;

/**
 * a = x + attn.Wo attention(rotary(attn.Wqkv norm(x))), and then a + mlp.Wo (GELU(u) · v), where mlp.Wi norm(a) is u and v side by
 * side. x and a [B·S, H] float32; Wqkv [3H, H], Wi [2I, H]. No module has a bias.
 *
 * <p>For the first token alone, Wqkv still multiplies every token: each key is turned by an angle of its own, so no product of
 * query and weight serves all keys, as {@link org.sparklora.worker.lora.LinearByHead} needs. What follows attention is computed for
 * the first token.
 *
 * @param prefix what the layer's names begin with
 * @param first whether this is the first layer: the embeddings that it reads are normalized already
 */
record ModernBertLayer(EncoderSizes sizes, LayerType type, String prefix, boolean first)
        implements EncoderLayer<Map<LayerType, View>> {

    private static final String PROJECTIONS = "attn.Wqkv";
    private static final String ATTENDED = "attn.Wo";
    private static final String NORM = "mlp_norm";
    private static final String WIDE = "mlp.Wi";
    private static final String NARROW = "mlp.Wo";

    @Override
    public List<TensorSpec> weights() {
        return EncoderPart.withoutBiases(linears(), norms(), sizes.hidden());
    }

    @Override
    public List<TensorSpec> linears() {
        int h = sizes.hidden();
        return List.of(
                new TensorSpec(prefix + PROJECTIONS, List.of(3 * h, h)),
                new TensorSpec(prefix + ATTENDED, List.of(h, h)),
                new TensorSpec(prefix + WIDE, List.of(2 * sizes.intermediate(), h)),
                new TensorSpec(prefix + NARROW, List.of(h, sizes.intermediate())));
    }

    @Override
    public List<String> norms() {
        return first ? List.of(prefix + NORM) : List.of(normOfInput(), prefix + NORM);
    }

    private String normOfInput() {
        return prefix + "attn_norm";
    }

    @Override
    public Multiplied inFirstToken(String path) {
        return readsInput(path) ? Multiplied.EVERY_TOKEN : Multiplied.FIRST_TOKEN;
    }

    @Override
    public boolean readsInput(String path) {
        return path.equals(prefix + PROJECTIONS);
    }

    @Override
    public Variable everyToken(ForwardPass pass, Variable x, Map<LayerType, View> views) {
        View view = Objects.requireNonNull(views.get(type));
        int length = view.tokens().length();
        NDArray dropout = pass.attentionDropout(
                x.manager(), dropoutOfAttention(), view.tokens().batch(), sizes.heads(), length, length);
        return afterAttention(pass, x, turned(pass, x, view).attention(view.mask(), sizes.heads(), dropout));
    }

    @Override
    public Variable firstToken(ForwardPass pass, Variable x, Map<LayerType, View> views) {
        View view = Objects.requireNonNull(views.get(type));
        Variable entered = x.traced(rows -> view.tokens().byRow(rows).get("0:, 0"));
        Variable context = turned(pass, x, view).traced(turned -> attendFromFirst(pass, turned, view));
        return afterAttention(pass, entered, context);
    }

    private String dropoutOfAttention() {
        return prefix + PROJECTIONS + ".dropout";
    }

    /** Queries, keys and values side by side [B·S, 3H], the first two turned by their positions. */
    private Variable turned(ForwardPass pass, Variable x, View view) {
        Variable read = first ? x : pass.normalize(normOfInput(), x, sizes.layerNormEps());
        return linear(pass, PROJECTIONS, read).rotary(view.tokens().length(), view.frequencies());
    }

    private Variable linear(ForwardPass pass, String name, Variable x) {
        return pass.linear(prefix + name, pass.inPrecisionOf(prefix + name, x));
    }

    /** Attention of the first token of each row: {@link #turned} to the context [B, H]. */
    private NDArray attendFromFirst(ForwardPass pass, NDArray turned, View view) {
        int batch = view.tokens().batch();
        NDArray parts = turned.reshape(new Shape(batch, view.tokens().length(), 3, sizes.heads(), sizes.headSize()));
        NDArray query = parts.get("0:, 0, 0").expandDims(2);
        NDArray keys = parts.get("0:, 0:, 1").transpose(0, 2, 3, 1);
        NDArray values = parts.get("0:, 0:, 2").transpose(0, 2, 1, 3);
        NDArray mask = view.mask().get("0:, 0:, 0:1");
        mask.attach(turned.getManager());
        NDArray rootD = Tensors.constant(turned.getManager(), StrictMath.sqrt(sizes.headSize()));
        NDArray scores = query.matMul(keys).div(rootD).add(mask);
        return pass.dropAttention(Ops.softmax(scores).squeeze(2), dropoutOfAttention())
                .expandDims(2)
                .matMul(values)
                .reshape(new Shape(batch, sizes.hidden()));
    }

    /** The rest of the layer: its input and attention's output, both [M, H], to [M, H]. */
    private Variable afterAttention(ForwardPass pass, Variable entered, Variable context) {
        Variable a = plus(pass, entered, ATTENDED, context, pass.rates().attention());
        Variable gated = linear(pass, WIDE, pass.normalize(prefix + NORM, a, sizes.layerNormEps()))
                .gatedGelu(sizes.activation().form());
        return plus(pass, a, NARROW, pass.dropHidden(gated, prefix + NARROW + ".dropout"), 0);
    }

    /** x + drop(Linear(inner)), in one product where that is possible. The sum is float32 in any precision: all layers add to it. */
    private Variable plus(ForwardPass pass, Variable x, String name, Variable inner, double rate) {
        if (inner.precision() == Precision.FLOAT32 && !pass.dropout().drops(rate)) {
            return pass.linearPlus(prefix + name, inner, x);
        }
        Variable added = pass.linear(prefix + name, inner).to(Precision.FLOAT32);
        return pass.dropout().apply(added, prefix + name + ".dropout", rate).plus(x);
    }

    /** Q Kᵀ and P V, S x S x H each, in a window too: nothing is left out. For the first token only: S x H each. */
    @Override
    public double attention(int length, boolean firstTokenAlone) {
        return 4.0 * (firstTokenAlone ? 1 : length) * length * sizes.hidden();
    }

    /**
     * The inputs of the layer and of Wqkv, Q, K and V, attention's output and the logarithm of each softmax's sum, and the inputs of
     * the second normalization and of the gated GELU. For the first token only, K and V once more by head, and the probabilities. In
     * bfloat16, attention keeps neither output nor sums, and what is normalized and the input of LoRA modules stay float32.
     */
    @Override
    public double keptBytes(int length, boolean firstTokenAlone, Precision precision) {
        double h = sizes.hidden();
        double widest = 2.0 * sizes.intermediate();
        if (firstTokenAlone) {
            return Float.BYTES * (length * (7 * h + sizes.heads()) + 3 * h + widest);
        }
        return precision == Precision.FLOAT32
                ? Float.BYTES * length * (7 * h + widest + sizes.heads())
                : length * (Float.BYTES * 3 * h + Short.BYTES * (3 * h + widest));
    }

    @Override
    public String methods() {
        String code = EncoderScript.resource(ModernBertLayer.class, "layer.py");
        return EncoderScript.filled(code.replace("HALF", Integer.toString(sizes.headSize() / 2)), sizes);
    }

    @Override
    public String script(String x, String asking, String result) {
        String read = first ? x : norm(normOfInput(), x, sizes);
        // In the order of the parameters of the method.
        String weights = Stream.of(PROJECTIONS, ATTENDED, NORM, WIDE, NARROW)
                .map(name -> EncoderScript.weight(prefix + name + ".weight"))
                .collect(Collectors.joining(", "));
        return "    " + result + " = (self).layer(" + asking + ", " + read + ", " + type.scriptNames() + ", " + weights
                + ", )\n";
    }

    /** TorchScript: the expression of a normalization without a bias. */
    static String norm(String path, String x, EncoderSizes sizes) {
        return "torch.layer_norm(" + x + ", [" + sizes.hidden() + "], " + EncoderScript.weight(path + ".weight")
                + ", None, " + sizes.layerNormEps() + ")";
    }
}
