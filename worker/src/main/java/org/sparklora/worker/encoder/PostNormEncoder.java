package org.sparklora.worker.encoder;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.sparklora.worker.contract.DropoutRates;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.LayerPaths.Projections;
import org.sparklora.worker.encoder.LayerPaths.Sublayer;
import org.sparklora.worker.engine.Ops;
import org.sparklora.worker.engine.Tensors;

/**
 * The encoder that the BERT family shares: learnt absolute positions, layers that normalize after each residual, erf GELU.
 * An architecture adds its names, its sizes, its position and token type embeddings, and its head.
 *
 * <p>Each stage works in its own manager, which is closed at the end of the stage. Without gradients, the intermediates are
 * freed at once; with gradients, autograd keeps the ones it needs.
 */
public abstract class PostNormEncoder implements Encoder {

    private final EncoderSizes sizes;
    private final EncoderNames names;
    private final HeadInput headInput;
    private final List<LayerPaths> layers;
    private final Pattern inLayer;

    /** Creates an encoder, without a pooler if the head reads every token. */
    protected PostNormEncoder(EncoderSizes sizes, EncoderNames names, HeadInput headInput) {
        this.sizes = sizes;
        this.names = headInput == HeadInput.EVERY_TOKEN ? names.withoutPooler() : names;
        this.headInput = headInput;
        this.layers = IntStream.range(0, sizes.layers())
                .mapToObj(layer -> names.layer().apply(names.layerPrefix(layer)))
                .toList();
        this.inLayer = Pattern.compile(Pattern.quote(names.prefix() + names.layers()) + "(\\d+)\\..*");
    }

    /** The head that the architecture has for whole sequences. */
    protected abstract HeadLayers sequenceHead();

    /** Rows of the position table, [B·S] int64. */
    protected abstract NDArray positions(Tokens tokens);

    /** Rows of the table of token types, [B·S] int64; empty where there is no such table. */
    protected abstract Optional<NDArray> types(Tokens tokens);

    /** The same two in TorchScript. */
    protected abstract EmbeddingLookups lookups();

    @Override
    public final Optional<EncoderScript> script() {
        return headInput == HeadInput.EVERY_TOKEN
                ? Optional.empty()
                : Optional.of(new PostNormScript(this, names.embeddings(), layers, names.pooler(), lookups()));
    }

    /** The sizes, from config.json. */
    protected final EncoderSizes sizes() {
        return sizes;
    }

    @Override
    public final int layers() {
        return sizes.layers();
    }

    @Override
    public final int hiddenSize() {
        return sizes.hidden();
    }

    @Override
    public final int heads() {
        return sizes.heads();
    }

    @Override
    public int maxPositions() {
        return sizes.positions();
    }

    @Override
    public final double initializerRange() {
        return sizes.initializerRange();
    }

    @Override
    public final int vocabularySize() {
        return sizes.vocabulary();
    }

    @Override
    public final DropoutRates modelDropout() {
        return sizes.dropout();
    }

    @Override
    public final HeadInput headInput() {
        return headInput;
    }

    @Override
    public final boolean pools() {
        return names.pooler().isPresent();
    }

    @Override
    public final HeadLayers head() {
        return headInput == HeadInput.EVERY_TOKEN ? HeadLayers.classifier(sizes.hidden()) : sequenceHead();
    }

    @Override
    public final List<TensorSpec> weights() {
        List<TensorSpec> all = new ArrayList<>();
        int h = sizes.hidden();
        all.add(new TensorSpec(embeddings("word_embeddings.weight"), List.of(sizes.vocabulary(), h)));
        all.add(new TensorSpec(embeddings("position_embeddings.weight"), List.of(sizes.positions(), h)));
        if (sizes.types() > 0) {
            all.add(new TensorSpec(embeddings("token_type_embeddings.weight"), List.of(sizes.types(), h)));
        }
        addNorm(all, embeddings("LayerNorm"));
        for (TensorSpec linear : linears()) {
            all.add(new TensorSpec(linear.name() + ".weight", linear.shape()));
            all.add(new TensorSpec(
                    linear.name() + ".bias", List.of(linear.shape().get(0))));
        }
        for (LayerPaths layer : layers) {
            addNorm(all, layer.attended().norm());
            addNorm(all, layer.output().norm());
        }
        return all.stream().sorted().toList();
    }

    private void addNorm(List<TensorSpec> all, String path) {
        all.add(new TensorSpec(path + ".weight", List.of(sizes.hidden())));
        all.add(new TensorSpec(path + ".bias", List.of(sizes.hidden())));
    }

    @Override
    public final List<TensorSpec> linears() {
        List<Integer> square = List.of(sizes.hidden(), sizes.hidden());
        List<TensorSpec> linears = new ArrayList<>();
        for (LayerPaths layer : layers) {
            linears.add(new TensorSpec(layer.projections().query(), square));
            linears.add(new TensorSpec(layer.projections().key(), square));
            linears.add(new TensorSpec(layer.projections().value(), square));
            linears.add(new TensorSpec(layer.attended().dense(), square));
            linears.add(new TensorSpec(layer.intermediate(), List.of(sizes.intermediate(), sizes.hidden())));
            linears.add(new TensorSpec(layer.output().dense(), List.of(sizes.hidden(), sizes.intermediate())));
        }
        names.pooler().ifPresent(pooler -> linears.add(new TensorSpec(pooler, square)));
        return linears.stream().sorted().toList();
    }

    @Override
    public final List<TensorSpec> biases() {
        return weights().stream().filter(t -> t.name().endsWith(".bias")).toList();
    }

    @Override
    public final Optional<String> canonicalName(String checkpointName) {
        return names.canonical(checkpointName);
    }

    @Override
    public final int stageOf(String name) {
        Matcher layer = inLayer.matcher(name);
        if (layer.matches()) {
            return Integer.parseInt(layer.group(1)) + 1;
        }
        if (name.startsWith(names.embeddings())) {
            return 0;
        }
        return names.pooler().filter(name::startsWith).isPresent() ? sizes.layers() + 1 : stages();
    }

    @Override
    public final Multiplied multiplied(String path) {
        int stage = stageOf(path);
        if (!firstTokenAlone(stage)) {
            return Multiplied.EVERY_TOKEN;
        }
        if (stage > sizes.layers()) {
            return Multiplied.FIRST_TOKEN;
        }
        Projections projections = layers.get(stage - 1).projections();
        return path.equals(projections.key()) || path.equals(projections.value())
                ? Multiplied.ONE_VECTOR_BY_HEAD
                : Multiplied.FIRST_TOKEN;
    }

    @Override
    public final boolean readsStageInput(String path) {
        int stage = stageOf(path);
        if (stage == 0 || stage > sizes.layers()) {
            return stage != 0 && names.pooler().filter(path::equals).isPresent();
        }
        Projections projections = layers.get(stage - 1).projections();
        boolean projects = List.of(projections.query(), projections.key(), projections.value())
                .contains(path);
        return projects && multiplied(path) != Multiplied.ONE_VECTOR_BY_HEAD;
    }

    @Override
    public final NDArray embed(ForwardPass pass, Tokens tokens) {
        NDManager outer = tokens.ids().getManager();
        try (NDManager stage = outer.newSubManager()) {
            NDArray sum = lookUp(pass, tokens.ids(), "word_embeddings", stage);
            Optional<NDArray> types = types(tokens);
            if (types.isPresent()) {
                sum = sum.add(lookUp(pass, types.get(), "token_type_embeddings", stage));
            }
            NDArray ids = positions(tokens);
            ids.attach(stage);
            sum = sum.add(lookUp(pass, ids, "position_embeddings", stage));
            NDArray out = pass.dropHidden(normalise(pass, sum, embeddings("LayerNorm")), embeddings("dropout"));
            out.attach(outer);
            return out;
        }
    }

    private NDArray lookUp(ForwardPass pass, NDArray ids, String table, NDManager stage) {
        NDArray rows = Ops.embedding(ids, pass.weight(embeddings(table + ".weight")));
        rows.attach(stage);
        return rows;
    }

    @Override
    public final NDArray layer(int layer, ForwardPass pass, NDArray x, Tokens tokens) {
        NDManager outer = x.getManager();
        try (NDManager stage = outer.newSubManager()) {
            x.attach(stage);
            LayerPaths name = layers.get(layer);
            NDArray out = afterAttention(name, pass, x, attend(name, pass, x, tokens));
            out.attach(outer);
            return out;
        }
    }

    @Override
    public final NDArray firstTokens(int layer, ForwardPass pass, NDArray x, Tokens tokens) {
        NDManager outer = x.getManager();
        try (NDManager stage = outer.newSubManager()) {
            x.attach(stage);
            LayerPaths name = layers.get(layer);
            NDArray rows = x.reshape(new Shape(tokens.batch(), tokens.length(), sizes.hidden()));
            NDArray first = rows.get("0:, 0");
            NDArray out = afterAttention(name, pass, first, attendFromFirst(name, pass, first, rows, tokens));
            out.attach(outer);
            return out;
        }
    }

    /** The rest of a layer: its input and attention's output, both [M, H], to [M, H]. */
    private NDArray afterAttention(LayerPaths name, ForwardPass pass, NDArray entered, NDArray context) {
        NDArray attended = end(name.attended(), pass, entered, context);
        NDArray inner = Ops.gelu(pass.linear(name.intermediate(), attended));
        return end(name.output(), pass, attended, inner);
    }

    private NDArray end(Sublayer name, ForwardPass pass, NDArray entered, NDArray inner) {
        NDArray output = pass.linear(name.dense(), inner);
        if (name.dropout().isPresent()) {
            output = pass.dropHidden(output, name.dropout().get());
        }
        return normalise(pass, output.add(entered), name.norm());
    }

    /** Scaled dot-product attention: x [B·S, H] to the context [B·S, H]. */
    private NDArray attend(LayerPaths name, ForwardPass pass, NDArray x, Tokens tokens) {
        NDArray query = heads(pass.linear(name.projections().query(), x), tokens);
        NDArray key = heads(pass.linear(name.projections().key(), x), tokens);
        NDArray value = heads(pass.linear(name.projections().value(), x), tokens);
        NDArray context;
        if (pass.dropsAttention()) {
            NDArray scores =
                    query.matMul(key.transpose(0, 1, 3, 2)).div(rootD(x)).add(tokens.mask());
            NDArray probabilities = pass.dropAttention(Ops.softmax(scores), name.attentionDropout());
            context = probabilities.matMul(value);
        } else {
            context = Ops.attention(query, key, value, tokens.mask());
        }
        return context.transpose(0, 2, 1, 3).reshape(new Shape(-1, sizes.hidden()));
    }

    /** The same with one query per row: first [B, H] and x [B, S, H] to the context [B, H]. */
    private NDArray attendFromFirst(LayerPaths name, ForwardPass pass, NDArray first, NDArray x, Tokens tokens) {
        NDArray query = pass.linear(name.projections().query(), first)
                .reshape(new Shape(tokens.batch(), sizes.heads(), sizes.headSize()))
                .transpose(1, 0, 2);
        NDArray products = pass.byHead(name.projections().key(), sizes.heads()).dot(query, x);
        NDArray mask = tokens.mask().squeeze(1);
        mask.attach(x.getManager());
        NDArray scores = products.div(rootD(x)).add(mask);
        NDArray probabilities = pass.dropAttention(Ops.softmax(scores), name.attentionDropout());
        return pass.byHead(name.projections().value(), sizes.heads()).weigh(probabilities, x);
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
    public final NDArray pool(ForwardPass pass, NDArray first) {
        String pooler = names.pooler().orElseThrow(() -> new IllegalStateException("this encoder has no pooler"));
        NDManager outer = first.getManager();
        try (NDManager stage = outer.newSubManager()) {
            first.attach(stage);
            NDArray out = pass.linear(pooler, first).tanh();
            out.attach(outer);
            return out;
        }
    }

    private NDArray normalise(ForwardPass pass, NDArray x, String path) {
        return Ops.layerNorm(x, pass.weight(path + ".weight"), pass.weight(path + ".bias"), sizes.layerNormEps());
    }

    private String embeddings(String name) {
        return names.embeddings() + name;
    }
}
