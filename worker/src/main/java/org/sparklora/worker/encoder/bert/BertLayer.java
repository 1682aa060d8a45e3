package org.sparklora.worker.encoder.bert;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.Encoder.Multiplied;
import org.sparklora.worker.encoder.EncoderLayer;
import org.sparklora.worker.encoder.EncoderNames;
import org.sparklora.worker.encoder.EncoderPart;
import org.sparklora.worker.encoder.EncoderScript;
import org.sparklora.worker.encoder.EncoderSizes;
import org.sparklora.worker.encoder.ForwardPass;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.encoder.bert.LayerPaths.Projections;
import org.sparklora.worker.encoder.bert.LayerPaths.Sublayer;
import org.sparklora.worker.engine.Ops;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Variable;
import org.sparklora.worker.lora.LinearByHead;

/**
 * A layer of BERT (Devlin et al. 2019, arXiv:1810.04805), which several architectures share under names of their own: scaled
 * dot-product attention and a feed-forward network, each normalized after its residual. The mask of the tokens is added to the
 * scores and may differ by head and by query.
 */
public class BertLayer implements EncoderLayer<Tokens> {

    /** The sizes of the encoder. */
    protected final EncoderSizes sizes;

    /** The names of the layer. */
    protected final LayerPaths paths;

    /** One layer. */
    protected BertLayer(EncoderSizes sizes, LayerPaths paths) {
        this.sizes = sizes;
        this.paths = paths;
    }

    /** All layers of an encoder. */
    public static List<BertLayer> all(EncoderSizes sizes, EncoderNames names, Function<String, LayerPaths> paths) {
        return IntStream.range(0, sizes.layers())
                .mapToObj(layer -> new BertLayer(sizes, paths.apply(names.layer(layer))))
                .toList();
    }

    @Override
    public List<TensorSpec> weights() {
        return EncoderPart.withBiases(linears(), norms(), sizes.hidden());
    }

    @Override
    public List<TensorSpec> linears() {
        List<Integer> square = List.of(sizes.hidden(), sizes.hidden());
        return List.of(
                new TensorSpec(paths.projections().query(), square),
                new TensorSpec(paths.projections().key(), square),
                new TensorSpec(paths.projections().value(), square),
                new TensorSpec(paths.attended().dense(), square),
                new TensorSpec(paths.intermediate(), List.of(sizes.intermediate(), sizes.hidden())),
                new TensorSpec(paths.output().dense(), List.of(sizes.hidden(), sizes.intermediate())));
    }

    @Override
    public List<String> norms() {
        return List.of(paths.attended().norm(), paths.output().norm());
    }

    @Override
    public Multiplied inFirstToken(String path) {
        return path.equals(paths.projections().key())
                        || path.equals(paths.projections().value())
                ? Multiplied.ONE_VECTOR_BY_HEAD
                : Multiplied.FIRST_TOKEN;
    }

    @Override
    public boolean readsInput(String path) {
        Projections projections = paths.projections();
        return List.of(projections.query(), projections.key(), projections.value())
                .contains(path);
    }

    @Override
    public Variable everyToken(ForwardPass pass, Variable x, Tokens tokens) {
        Variable entered = pass.inPrecisionOf(paths.projections().query(), x);
        return afterAttention(pass, entered, attend(pass, entered, tokens));
    }

    @Override
    public Variable firstToken(ForwardPass pass, Variable x, Tokens tokens) {
        Variable first = x.traced(rows -> tokens.byRow(rows).get("0:, 0"));
        return afterAttention(pass, first, attendFromFirst(pass, first, x, tokens));
    }

    /** The rest of a layer: its input and attention's output, both [M, H], to [M, H]. */
    private Variable afterAttention(ForwardPass pass, Variable entered, Variable context) {
        Variable attended = end(paths.attended(), pass, entered, context);
        Variable inner = pass.linearWithGelu(paths.intermediate(), attended, sizes.activation());
        return end(paths.output(), pass, attended, inner);
    }

    private Variable end(Sublayer name, ForwardPass pass, Variable entered, Variable inner) {
        Variable sum = name.dropout().isPresent() && pass.dropsHidden()
                ? pass.dropHidden(
                                pass.linear(name.dense(), inner), name.dropout().get())
                        .plus(entered)
                : pass.linearPlus(name.dense(), inner, entered);
        return pass.normalize(name.norm(), sum, sizes.layerNormEps());
    }

    /** Attention: x [B·S, H] to the context [B·S, H]. */
    private Variable attend(ForwardPass pass, Variable x, Tokens tokens) {
        Variable query = pass.linear(paths.projections().query(), x);
        Variable key = pass.linear(paths.projections().key(), x);
        Variable value = pass.linear(paths.projections().value(), x);
        NDArray dropout = pass.attentionDropout(
                x.manager(), paths.attentionDropout(), tokens.batch(), sizes.heads(), tokens.length(), tokens.length());
        return attend(pass, List.of(query, key, value), tokens, dropout);
    }

    /**
     * Scaled dot-product attention.
     *
     * @param projected queries, keys and values, [B·S, N·D] each
     * @param dropout factors of the probabilities [B, N, S, S]; null if nothing drops out
     */
    protected Variable attend(ForwardPass pass, List<Variable> projected, Tokens tokens, @Nullable NDArray dropout) {
        return Variable.attention(
                projected.get(0), projected.get(1), projected.get(2), tokens.mask(), sizes.heads(), dropout);
    }

    /** The same with one query per row: first [B, H] and x [B·S, H] to the context [B, H]. */
    private Variable attendFromFirst(ForwardPass pass, Variable first, Variable x, Tokens tokens) {
        LinearByHead key = pass.byHead(paths.projections().key(), sizes.heads());
        LinearByHead value = pass.byHead(paths.projections().value(), sizes.heads());
        List<Variable> parameters = Stream.concat(key.parameters().stream(), value.parameters().stream())
                .toList();
        List<Variable> operands =
                new ArrayList<>(List.of(x, pass.linear(paths.projections().query(), first)));
        operands.addAll(besideQueryOfFirst(pass, tokens, first));
        return Variable.traced(
                of -> {
                    NDArray rows = tokens.byRow(of.get(0));
                    NDArray mask = tokens.maskOfFirst(rows.getManager());
                    NDArray scores = scoresOfFirst(pass, key, rows, of.subList(1, of.size()));
                    NDArray probabilities = pass.dropAttention(Ops.softmax(scores.add(mask)), paths.attentionDropout());
                    return value.weigh(probabilities, rows);
                },
                parameters,
                operands.toArray(Variable[]::new));
    }

    /** What the scores of first tokens depend on beside queries and keys: nothing. Owned by the manager of first. */
    protected List<Variable> besideQueryOfFirst(ForwardPass pass, Tokens tokens, Variable first) {
        return List.of();
    }

    /**
     * The scores [B, N, S] of the first tokens without their mask.
     *
     * @param x [B, S, H]
     * @param of the queries [B, H], and {@link #besideQueryOfFirst}
     */
    protected NDArray scoresOfFirst(ForwardPass pass, LinearByHead key, NDArray x, List<NDArray> of) {
        NDArray rootD = Tensors.constant(x.getManager(), StrictMath.sqrt(sizes.headSize()));
        return key.dot(byHead(of.get(0)), x).div(rootD);
    }

    /** [M, N·D] to [N, M, D]. */
    protected final NDArray byHead(NDArray x) {
        return x.reshape(new Shape(-1, sizes.heads(), sizes.headSize())).transpose(1, 0, 2);
    }

    /** Q Kᵀ and P V, S x S x H each. For the first token only: a query and a mean per head, N x S x H each. */
    @Override
    public double attention(int length, boolean firstTokenAlone) {
        return 4.0 * (firstTokenAlone ? sizes.heads() : length) * length * sizes.hidden();
    }

    /**
     * The layer's input (for LoRA modules), Q, K and V by head, attention's output and the logarithm of each softmax's sum, and
     * the inputs of both layer normalizations and of the GELU. For the first token only, the N x S probabilities and a query and
     * a mean per head replace K, V and the sums. In bfloat16, attention keeps neither output nor sums.
     */
    @Override
    public double keptBytes(int length, boolean firstTokenAlone, Precision precision) {
        int hidden = sizes.hidden();
        int heads = sizes.heads();
        int widest = Math.max(hidden, sizes.intermediate());
        if (firstTokenAlone) {
            return Float.BYTES * (length * (double) hidden + heads * (2.0 * hidden + length) + 3.0 * hidden + widest);
        }
        return precision == Precision.FLOAT32
                ? Float.BYTES * length * (7.0 * hidden + widest + heads)
                : length * (Float.BYTES * (double) hidden + Short.BYTES * (5.0 * hidden + widest));
    }

    @Override
    public String methods() {
        return methods(EncoderScript.resource(BertLayer.class, "attention.py"));
    }

    /** The methods of a layer with an attention of its own, a method of that name. */
    protected final String methods(String attention) {
        return EncoderScript.filled(EncoderScript.resource(BertLayer.class, "layer.py") + attention, sizes);
    }

    @Override
    public String script(String x, String asking, String result) {
        return script(x, asking, asking.equals(x) ? "mask" : "torch.slice(mask, 2, 0, 1)", result);
    }

    /** The same with the arguments that attention takes beside tokens and weights. */
    protected final String script(String x, String asking, String shared, String result) {
        Projections projections = paths.projections();
        String ofAttention = weights(projections.query(), projections.key(), projections.value());
        String ofRest = weights(
                paths.attended().dense(),
                paths.attended().norm(),
                paths.intermediate(),
                paths.output().dense(),
                paths.output().norm());
        String context = "(self).attention(" + x + ", " + asking + ", " + shared + ", " + ofAttention + ", )";
        return "    " + result + " = (self).after_attention(" + context + ", " + asking + ", " + ofRest + ", )\n";
    }

    /** In the order of the parameters of the method. */
    private static String weights(String... modules) {
        return Stream.of(modules).map(EncoderScript::weightAndBias).collect(Collectors.joining(", "));
    }
}
