package org.sparklora.worker.encoder.bert;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.sparklora.worker.contract.DropoutRates;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.encoder.EncoderConfig;
import org.sparklora.worker.encoder.EncoderScript;
import org.sparklora.worker.encoder.ForwardPass;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.engine.Ops;
import org.sparklora.worker.engine.Tensors;

/**
 * The forward pass of BERT. Each stage works in a manager of its own that is closed at its end: without gradients its
 * intermediates are freed at once, with gradients autograd keeps the ones it needs.
 */
public final class BertEncoder implements Encoder {

    private static final Pattern LAYER = Pattern.compile("bert\\.encoder\\.layer\\.(\\d+)\\..*");
    private static final String EMBEDDINGS = "bert.embeddings.";
    private static final String POOLER = "bert.pooler.dense";

    private final BertSizes sizes;
    private final List<LayerNames> names;

    private BertEncoder(BertSizes sizes) {
        this.sizes = sizes;
        this.names = IntStream.range(0, sizes.layers()).mapToObj(LayerNames::of).toList();
    }

    /** The encoder of a configuration; refuses variants that would compute something else. */
    public static BertEncoder of(EncoderConfig config) {
        return new BertEncoder(BertSizes.of(config));
    }

    @Override
    public int layers() {
        return sizes.layers();
    }

    @Override
    public int hiddenSize() {
        return sizes.hidden();
    }

    @Override
    public int heads() {
        return sizes.heads();
    }

    @Override
    public int maxPositions() {
        return sizes.positions();
    }

    @Override
    public double initializerRange() {
        return sizes.initializerRange();
    }

    @Override
    public int vocabularySize() {
        return sizes.vocabulary();
    }

    @Override
    public DropoutRates modelDropout() {
        return sizes.dropout();
    }

    @Override
    public List<TensorSpec> weights() {
        return BertWeights.all(sizes);
    }

    @Override
    public List<TensorSpec> linears() {
        return BertWeights.linears(sizes);
    }

    @Override
    public List<TensorSpec> biases() {
        return BertWeights.all(sizes).stream()
                .filter(t -> t.name().endsWith(".bias"))
                .toList();
    }

    @Override
    public Optional<EncoderScript> script() {
        return Optional.of(new BertScript(sizes));
    }

    @Override
    public Optional<String> canonicalName(String checkpointName) {
        return BertWeights.canonicalName(checkpointName);
    }

    @Override
    public int stageOf(String name) {
        Matcher layer = LAYER.matcher(name);
        if (layer.matches()) {
            return Integer.parseInt(layer.group(1)) + 1;
        }
        if (name.startsWith(EMBEDDINGS)) {
            return 0;
        }
        return name.startsWith(POOLER) ? sizes.layers() + 1 : sizes.layers() + 2;
    }

    @Override
    public NDArray embed(ForwardPass pass, Tokens tokens) {
        NDManager outer = tokens.ids().getManager();
        try (NDManager stage = outer.newSubManager()) {
            NDArray words = Ops.embedding(tokens.ids(), pass.weight(EMBEDDINGS + "word_embeddings.weight"));
            words.attach(stage);
            NDArray types = Ops.embedding(tokens.typeIds(), pass.weight(EMBEDDINGS + "token_type_embeddings.weight"));
            types.attach(stage);
            NDArray ids = tokens.positions();
            ids.attach(stage);
            NDArray positions = Ops.embedding(ids, pass.weight(EMBEDDINGS + "position_embeddings.weight"));
            NDArray sum = words.add(types).add(positions);
            NDArray out = pass.dropHidden(normalise(pass, sum, EMBEDDINGS + "LayerNorm"), EMBEDDINGS + "dropout");
            out.attach(outer);
            return out;
        }
    }

    @Override
    public Multiplied multiplied(String path) {
        if (stageOf(path) < sizes.layers()) {
            return Multiplied.EVERY_TOKEN;
        }
        return path.endsWith(".self.key") || path.endsWith(".self.value")
                ? Multiplied.ONE_VECTOR_BY_HEAD
                : Multiplied.FIRST_TOKEN;
    }

    @Override
    public boolean readsStageInput(String path) {
        return (path.contains(".attention.self.") && multiplied(path) != Multiplied.ONE_VECTOR_BY_HEAD)
                || path.startsWith(POOLER);
    }

    @Override
    public NDArray layer(int layer, ForwardPass pass, NDArray x, Tokens tokens) {
        NDManager outer = x.getManager();
        try (NDManager stage = outer.newSubManager()) {
            x.attach(stage);
            LayerNames name = names.get(layer);
            NDArray out = afterAttention(name, pass, x, attend(name, pass, x, tokens));
            out.attach(outer);
            return out;
        }
    }

    @Override
    public NDArray firstTokens(int layer, ForwardPass pass, NDArray x, Tokens tokens) {
        NDManager outer = x.getManager();
        try (NDManager stage = outer.newSubManager()) {
            x.attach(stage);
            LayerNames name = names.get(layer);
            NDArray rows = x.reshape(new Shape(tokens.batch(), tokens.length(), sizes.hidden()));
            NDArray first = rows.get("0:, 0");
            NDArray out = afterAttention(name, pass, first, attendFromFirst(name, pass, first, rows, tokens));
            out.attach(outer);
            return out;
        }
    }

    /** The rest of a layer: what entered it and what attention made of it, both [M, H], to [M, H]. */
    private NDArray afterAttention(LayerNames name, ForwardPass pass, NDArray entered, NDArray context) {
        NDArray attention =
                pass.dropHidden(pass.linear(name.attentionOutput(), context), name.attentionOutput() + ".dropout");
        NDArray attended = normalise(pass, attention.add(entered), name.attentionNorm());
        NDArray inner = Ops.gelu(pass.linear(name.intermediate(), attended));
        NDArray output = pass.dropHidden(pass.linear(name.output(), inner), name.output() + ".dropout");
        return normalise(pass, output.add(attended), name.outputNorm());
    }

    /** Scaled dot-product attention: x [B·S, H] to the context [B·S, H]. */
    private NDArray attend(LayerNames name, ForwardPass pass, NDArray x, Tokens tokens) {
        NDArray query = heads(pass.linear(name.query(), x), tokens);
        NDArray key = heads(pass.linear(name.key(), x), tokens);
        NDArray value = heads(pass.linear(name.value(), x), tokens);
        NDArray context;
        if (pass.dropsAttention()) {
            NDArray scores =
                    query.matMul(key.transpose(0, 1, 3, 2)).div(rootD(x)).add(tokens.mask());
            NDArray probabilities = pass.dropAttention(Ops.softmax(scores), name.attention() + ".dropout");
            context = probabilities.matMul(value);
        } else {
            context = Ops.attention(query, key, value, tokens.mask());
        }
        return context.transpose(0, 2, 1, 3).reshape(new Shape(-1, sizes.hidden()));
    }

    /** The same of one query a row: first [B, H] and x [B, S, H] to the context [B, H]. */
    private NDArray attendFromFirst(LayerNames name, ForwardPass pass, NDArray first, NDArray x, Tokens tokens) {
        NDArray query = pass.linear(name.query(), first)
                .reshape(new Shape(tokens.batch(), sizes.heads(), sizes.headSize()))
                .transpose(1, 0, 2);
        NDArray products = pass.byHead(name.key(), sizes.heads()).dot(query, x);
        NDArray mask = tokens.mask().squeeze(1);
        mask.attach(x.getManager());
        NDArray scores = products.div(rootD(x)).add(mask);
        NDArray probabilities = pass.dropAttention(Ops.softmax(scores), name.attention() + ".dropout");
        return pass.byHead(name.value(), sizes.heads()).weigh(probabilities, x);
    }

    private NDArray rootD(NDArray beside) {
        return Tensors.constant(beside.getManager(), StrictMath.sqrt(sizes.headSize()));
    }

    /** [B·T, H] to [B, N, T, D]. */
    private NDArray heads(NDArray x, Tokens tokens) {
        return x.reshape(new Shape(tokens.batch(), -1, sizes.heads(), sizes.headSize()))
                .transpose(0, 2, 1, 3);
    }

    @Override
    public NDArray pool(ForwardPass pass, NDArray first) {
        NDManager outer = first.getManager();
        try (NDManager stage = outer.newSubManager()) {
            first.attach(stage);
            NDArray out = pass.linear(POOLER, first).tanh();
            out.attach(outer);
            return out;
        }
    }

    private NDArray normalise(ForwardPass pass, NDArray x, String path) {
        return Ops.layerNorm(x, pass.weight(path + ".weight"), pass.weight(path + ".bias"), sizes.layerNormEps());
    }

    /** Module paths of one layer, put together once. */
    private record LayerNames(
            String attention,
            String query,
            String key,
            String value,
            String attentionOutput,
            String attentionNorm,
            String intermediate,
            String output,
            String outputNorm) {

        static LayerNames of(int layer) {
            String prefix = BertWeights.layerPrefix(layer);
            return new LayerNames(
                    prefix + "attention.self",
                    prefix + "attention.self.query",
                    prefix + "attention.self.key",
                    prefix + "attention.self.value",
                    prefix + "attention.output.dense",
                    prefix + "attention.output.LayerNorm",
                    prefix + "intermediate.dense",
                    prefix + "output.dense",
                    prefix + "output.LayerNorm");
        }
    }
}
