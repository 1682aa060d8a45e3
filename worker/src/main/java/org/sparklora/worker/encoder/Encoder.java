package org.sparklora.worker.encoder;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.sparklora.worker.contract.DropoutRates;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.LayerPaths.Projections;
import org.sparklora.worker.encoder.LayerPaths.Sublayer;
import org.sparklora.worker.engine.Ops;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Variable;
import org.sparklora.worker.lora.LinearByHead;

/**
 * A transformer encoder of the BERT family, layer by layer, so that the caller decides where gradients start: learnt absolute
 * positions, layers that normalize after each residual, GELU. An architecture adds its names, its sizes, its position and
 * token type embeddings, and its head.
 *
 * <p>Layer indexes count from 0: index 0 is the embeddings, index i + 1 is layer i, and index {@code layers() + 1} is the pooler
 * if the encoder {@linkplain #pools() pools}. The head has the index after the last one, {@link #headIndex()}. An encoder is made
 * for one {@link HeadInput}: if heads read every token, it has no pooler, whatever the architecture.
 *
 * <p>A result belongs to the manager of the layer's input; the input is consumed (closed). Each layer works in its own manager,
 * which is closed at the end of the layer. Without gradients, the intermediates are freed at once; with gradients, autograd keeps
 * the ones it needs. An encoder holds names and sizes but no state, and is safe from any thread.
 */
public final class Encoder {

    private final EncoderSizes sizes;
    private final EncoderNames names;
    private final HeadLayers sequenceHead;
    private final HeadInput headInput;
    private final Optional<String> pooler;
    private final List<LayerPaths> layers;
    private final Pattern inLayer;

    /** What the weight of a Linear is multiplied with, per sequence. Only {@link #firstTokens} uses less than every token. */
    public enum Multiplied {
        /** Each token. */
        EVERY_TOKEN,
        /** The first token. */
        FIRST_TOKEN,
        /** N parts of one vector, each by the rows of one attention head. */
        ONE_VECTOR_BY_HEAD
    }

    /**
     * Creates an encoder, without a pooler if the head reads every token.
     *
     * @param sequenceHead the head that the architecture has for whole sequences
     */
    public Encoder(EncoderSizes sizes, EncoderNames names, HeadLayers sequenceHead, HeadInput headInput) {
        this.sizes = sizes;
        this.names = names;
        this.sequenceHead = sequenceHead;
        this.headInput = headInput;
        this.pooler = headInput == HeadInput.EVERY_TOKEN ? Optional.empty() : names.pooler();
        String prefix = names.prefix() + names.layers();
        this.layers = IntStream.range(0, sizes.layers())
                .mapToObj(layer -> names.layer().apply(prefix + layer + "."))
                .toList();
        this.inLayer = Pattern.compile(Pattern.quote(prefix) + "(\\d+)\\..*");
    }

    /** The encoder as TorchScript; empty if heads read every token, which is not written yet. */
    public Optional<EncoderScript> script() {
        return headInput == HeadInput.EVERY_TOKEN
                ? Optional.empty()
                : Optional.of(new EncoderScript(this, layers, pooler));
    }

    /** The sizes, from config.json. */
    public EncoderSizes sizes() {
        return sizes;
    }

    /** Number of layers. */
    public int layers() {
        return sizes.layers();
    }

    /** H. */
    public int hiddenSize() {
        return sizes.hidden();
    }

    /** Longest sequence the position table allows. */
    public int maxPositions() {
        return sizes.positions().max();
    }

    /** Number of token ids: rows of the word embedding. */
    public int vocabularySize() {
        return sizes.vocabulary();
    }

    /** The base model's own dropout: hidden and attention, with the head's default. */
    public DropoutRates modelDropout() {
        return sizes.dropout();
    }

    /** The part of the last layer's output that the head reads. */
    public HeadInput headInput() {
        return headInput;
    }

    /** Whether a pooler runs between the last layer and the head. */
    public boolean pools() {
        return pooler.isPresent();
    }

    /** The layers of the head, which train whole. */
    public HeadLayers head() {
        return headInput == HeadInput.EVERY_TOKEN ? HeadLayers.classifier(sizes.hidden()) : sequenceHead;
    }

    /** Every weight that a checkpoint must hold, ordered by name. */
    public List<TensorSpec> weights() {
        List<TensorSpec> all = new ArrayList<>();
        int h = sizes.hidden();
        all.add(new TensorSpec(embeddings("word_embeddings.weight"), List.of(sizes.vocabulary(), h)));
        all.add(new TensorSpec(
                embeddings("position_embeddings.weight"),
                List.of(sizes.positions().rows(), h)));
        if (sizes.types().rows() > 0) {
            all.add(new TensorSpec(
                    embeddings("token_type_embeddings.weight"),
                    List.of(sizes.types().rows(), h)));
        }
        for (TensorSpec linear : linears()) {
            all.add(new TensorSpec(linear.name() + ".weight", linear.shape()));
            all.add(new TensorSpec(
                    linear.name() + ".bias", List.of(linear.shape().get(0))));
        }
        for (String norm : norms()) {
            all.add(new TensorSpec(norm + ".weight", List.of(h)));
            all.add(new TensorSpec(norm + ".bias", List.of(h)));
        }
        return all.stream().sorted().toList();
    }

    private List<String> norms() {
        List<String> norms = new ArrayList<>(List.of(embeddings("LayerNorm")));
        layers.forEach(layer ->
                norms.addAll(List.of(layer.attended().norm(), layer.output().norm())));
        return norms;
    }

    /** Whether a tensor is the weight or bias of a layer normalization of this encoder. */
    public boolean isNorm(String tensor) {
        return norms().contains(tensor.substring(0, Math.max(0, tensor.lastIndexOf('.'))));
    }

    /** Paths of every Linear that LoRA can adapt, ordered by path, with weight [out, in]. */
    public List<TensorSpec> linears() {
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
        pooler.ifPresent(path -> linears.add(new TensorSpec(path, square)));
        return linears.stream().sorted().toList();
    }

    /** Names and shapes of every bias of the encoder. */
    public List<TensorSpec> biases() {
        return weights().stream().filter(t -> t.name().endsWith(".bias")).toList();
    }

    /**
     * Our name of a checkpoint's tensor. Checkpoints of a bare model lack the prefix; TensorFlow conversions call the weight and
     * bias of a layer normalization gamma and beta. Empty for tensors that fine-tuning does not use: pre-training heads, the
     * position_ids buffer, and a pooler that the head does not read.
     */
    public Optional<String> canonicalName(String checkpointName) {
        boolean bare =
                List.of("embeddings.", "pooler.", names.layers()).stream().anyMatch(checkpointName::startsWith);
        String full = bare ? names.prefix() + checkpointName : checkpointName;
        if (!full.startsWith(names.prefix())) {
            return sequenceHead.modules().stream().anyMatch(module -> full.startsWith(module + "."))
                    ? Optional.of(full)
                    : Optional.empty();
        }
        if (full.endsWith(".position_ids") || (full.startsWith(names.prefix() + "pooler.") && pooler.isEmpty())) {
            return Optional.empty();
        }
        return Optional.of(full.replaceFirst("\\.gamma$", ".weight").replaceFirst("\\.beta$", ".bias"));
    }

    /** The layer index of the head: one above the embeddings, the layers and a possible pooler. */
    public int headIndex() {
        return layers() + (pools() ? 2 : 1);
    }

    /** The layer index of a weight or module by its name; {@link #headIndex()} if it is not the encoder's own. */
    public int layerIndex(String name) {
        Matcher layer = inLayer.matcher(name);
        if (layer.matches()) {
            return Integer.parseInt(layer.group(1)) + 1;
        }
        if (name.startsWith(embeddings(""))) {
            return 0;
        }
        return pooler.filter(name::startsWith).isPresent() ? layers() + 1 : headIndex();
    }

    /** The name of a layer index in messages: {@code embeddings}, {@code layer 11}, {@code pooler} or {@code head}. */
    public String layerName(int layerIndex) {
        if (layerIndex == 0) {
            return "embeddings";
        }
        if (layerIndex <= layers()) {
            return "layer " + (layerIndex - 1);
        }
        return layerIndex < headIndex() ? "pooler" : "head";
    }

    /** Whether the output at a layer index is one vector per sequence, for the first token, instead of one per token. */
    public boolean firstTokenAlone(int layerIndex) {
        return headInput == HeadInput.FIRST_TOKEN && layerIndex >= layers();
    }

    /** Whether the input at a layer index, or of the head, is one vector per sequence instead of one per token. */
    public boolean firstTokenEnters(int layerIndex) {
        return firstTokenAlone(layerIndex - 1);
    }

    /** What the weight of a Linear is multiplied with. */
    public Multiplied multiplied(String path) {
        int index = layerIndex(path);
        if (!firstTokenAlone(index)) {
            return Multiplied.EVERY_TOKEN;
        }
        if (index > layers()) {
            return Multiplied.FIRST_TOKEN;
        }
        Projections projections = layers.get(index - 1).projections();
        return path.equals(projections.key()) || path.equals(projections.value())
                ? Multiplied.ONE_VECTOR_BY_HEAD
                : Multiplied.FIRST_TOKEN;
    }

    /** Whether a Linear multiplies its layer's input. In the lowest trainable layer, no gradient passes through such a Linear. */
    public boolean readsLayerInput(String path) {
        int index = layerIndex(path);
        if (index == 0 || index > layers()) {
            return pooler.filter(path::equals).isPresent();
        }
        Projections projections = layers.get(index - 1).projections();
        boolean projects = List.of(projections.query(), projections.key(), projections.value())
                .contains(path);
        return projects && multiplied(path) != Multiplied.ONE_VECTOR_BY_HEAD;
    }

    /**
     * Runs the layers from index {@code from} (inclusive) to {@code to} (exclusive); index 0, the embeddings, ignores its
     * input. For heads that read the first token, the last layer and the pooler return [B, H]; everything else returns
     * [B·S, H].
     */
    public Variable run(int from, int to, ForwardPass pass, Variable input, Tokens tokens) {
        Variable x = input;
        for (int index = from; index < to; index++) {
            if (index == 0) {
                x = embed(pass, tokens);
            } else if (index > layers()) {
                x = pool(pass, x);
            } else if (firstTokenAlone(index)) {
                x = firstTokens(index - 1, pass, x, tokens);
            } else {
                x = layer(index - 1, pass, x, tokens);
            }
        }
        return x;
    }

    /** Logits [B, C], or [B·S, C] if the head reads every token, from the input of a layer. */
    public Variable logits(int from, ForwardPass pass, Variable input, Tokens tokens) {
        return head().logits(pass, run(from, headIndex(), pass, input, tokens));
    }

    /** Embeddings of a batch: [B·S, H]. */
    public Variable embed(ForwardPass pass, Tokens tokens) {
        NDManager outer = tokens.ids().getManager();
        try (NDManager own = outer.newSubManager()) {
            Variable sum = lookUp(pass, tokens.ids(), "word_embeddings", own);
            Optional<NDArray> types = sizes.types().ids(tokens);
            if (types.isPresent()) {
                sum = sum.plus(lookUp(pass, types.get(), "token_type_embeddings", own));
            }
            NDArray ids = sizes.positions().ids(tokens);
            ids.attach(own);
            sum = sum.plus(lookUp(pass, ids, "position_embeddings", own));
            Variable out = pass.dropHidden(normalize(pass, sum, embeddings("LayerNorm")), embeddings("dropout"));
            out.attach(outer);
            return out;
        }
    }

    private Variable lookUp(ForwardPass pass, NDArray ids, String table, NDManager manager) {
        Variable rows = pass.weight(embeddings(table + ".weight")).rows(ids);
        rows.attach(manager);
        return rows;
    }

    /** Layer i: x [B·S, H] to [B·S, H]. */
    public Variable layer(int layer, ForwardPass pass, Variable x, Tokens tokens) {
        LayerPaths name = layers.get(layer);
        return inOwnManager(x, () -> {
            Variable entered = inPrecisionOf(name, pass, x);
            return afterAttention(name, pass, entered, attend(name, pass, entered, tokens));
        });
    }

    /**
     * Layer i for the first token of each sequence only, because a head of whole sequences reads nothing else of the last
     * layer: x [B·S, H] to [B, H]. The first token attends to every token, but no other token is multiplied with a weight.
     */
    public Variable firstTokens(int layer, ForwardPass pass, Variable x, Tokens tokens) {
        LayerPaths name = layers.get(layer);
        return inOwnManager(x, () -> {
            Variable first = x.traced(rows -> byRow(rows, tokens).get("0:, 0"));
            return afterAttention(name, pass, first, attendFromFirst(name, pass, first, x, tokens));
        });
    }

    /** The pooler: the first tokens [B, H] to [B, H]. */
    public Variable pool(ForwardPass pass, Variable first) {
        String path = pooler.orElseThrow(() -> new IllegalStateException("this encoder has no pooler"));
        return inOwnManager(first, () -> pass.linear(path, first).traced(NDArray::tanh));
    }

    private static Variable inOwnManager(Variable x, Supplier<Variable> layer) {
        NDManager outer = x.manager();
        try (NDManager own = outer.newSubManager()) {
            x.attach(own);
            Variable out = layer.get();
            out.attach(outer);
            return out;
        }
    }

    /** The precision of a layer is that of its weights. */
    private static Variable inPrecisionOf(LayerPaths name, ForwardPass pass, Variable x) {
        return x.to(pass.weight(name.projections().query() + ".weight").precision());
    }

    /**
     * Whether a weight may be held in bfloat16: the tables of the embeddings, and every Linear that is multiplied with every
     * token. The others cost little, and first-token attention multiplies them in an order of its own.
     */
    public boolean roundsToBfloat16(String tensor) {
        int index = layerIndex(tensor);
        return tensor.endsWith(".weight") && !isNorm(tensor) && index < headIndex() && !firstTokenAlone(index);
    }

    /** The rest of a layer: its input and attention's output, both [M, H], to [M, H]. */
    private Variable afterAttention(LayerPaths name, ForwardPass pass, Variable entered, Variable context) {
        Variable attended = end(name.attended(), pass, entered, context);
        Variable inner = pass.linearWithGelu(name.intermediate(), attended, sizes.activation());
        return end(name.output(), pass, attended, inner);
    }

    private Variable end(Sublayer name, ForwardPass pass, Variable entered, Variable inner) {
        Variable sum = name.dropout().isPresent() && pass.dropsHidden()
                ? pass.dropHidden(
                                pass.linear(name.dense(), inner), name.dropout().get())
                        .plus(entered)
                : pass.linearPlus(name.dense(), inner, entered);
        return normalize(pass, sum, name.norm());
    }

    /** Scaled dot-product attention: x [B·S, H] to the context [B·S, H]. */
    private Variable attend(LayerPaths name, ForwardPass pass, Variable x, Tokens tokens) {
        Variable query = pass.linear(name.projections().query(), x);
        Variable key = pass.linear(name.projections().key(), x);
        Variable value = pass.linear(name.projections().value(), x);
        NDArray dropout = pass.attentionDropout(
                x.manager(), name.attentionDropout(), tokens.batch(), sizes.heads(), tokens.length(), tokens.length());
        return Variable.attention(query, key, value, tokens.mask(), sizes.heads(), dropout);
    }

    /** The same with one query per row: first [B, H] and x [B·S, H] to the context [B, H]. */
    private Variable attendFromFirst(LayerPaths name, ForwardPass pass, Variable first, Variable x, Tokens tokens) {
        Variable query = pass.linear(name.projections().query(), first);
        LinearByHead key = pass.byHead(name.projections().key(), sizes.heads());
        LinearByHead value = pass.byHead(name.projections().value(), sizes.heads());
        List<Variable> parameters = Stream.concat(key.parameters().stream(), value.parameters().stream())
                .toList();
        return Variable.traced(
                of -> {
                    NDArray rows = byRow(of.get(1), tokens);
                    NDArray scores = scoresOfFirst(key, of.get(0), rows, tokens);
                    NDArray probabilities = pass.dropAttention(Ops.softmax(scores), name.attentionDropout());
                    return value.weigh(probabilities, rows);
                },
                parameters,
                query,
                x);
    }

    /** query [B, H] and x [B, S, H] to the scores [B, N, S]. */
    private NDArray scoresOfFirst(LinearByHead key, NDArray query, NDArray x, Tokens tokens) {
        NDArray byHead = query.reshape(new Shape(tokens.batch(), sizes.heads(), sizes.headSize()))
                .transpose(1, 0, 2);
        NDArray mask = tokens.mask().squeeze(1);
        mask.attach(x.getManager());
        return key.dot(byHead, x).div(rootD(x)).add(mask);
    }

    private NDArray rootD(NDArray beside) {
        return Tensors.constant(beside.getManager(), StrictMath.sqrt(sizes.headSize()));
    }

    /** [B·S, H] to [B, S, H]. */
    private NDArray byRow(NDArray x, Tokens tokens) {
        return x.reshape(new Shape(tokens.batch(), tokens.length(), sizes.hidden()));
    }

    private Variable normalize(ForwardPass pass, Variable x, String path) {
        return x.layerNorm(pass.weight(path + ".weight"), pass.weight(path + ".bias"), sizes.layerNormEps());
    }

    String embeddings(String name) {
        return names.prefix() + "embeddings." + name;
    }
}
