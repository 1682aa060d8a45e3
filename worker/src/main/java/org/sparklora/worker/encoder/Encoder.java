package org.sparklora.worker.encoder;

import ai.djl.ndarray.NDManager;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.sparklora.worker.contract.DropoutRates;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.engine.Variable;

/**
 * A transformer encoder, layer by layer, so that the caller decides where gradients start. An architecture brings its
 * {@linkplain EncoderParts parts}, sizes, names and head; what all architectures share is here.
 *
 * <p>Layer indexes count from 0: index 0 is the embeddings, index i + 1 is layer i, and index {@code layers() + 1} is the pooler
 * if the encoder {@linkplain #pools() pools}. The head has the index after the last one, {@link #headIndex()}. An encoder is made
 * for one {@link HeadInput}.
 *
 * <p>A result belongs to the manager of the layer's input; the input is consumed (closed). Each layer works in its own manager,
 * which is closed at the end of the layer. Without gradients, the intermediates are freed at once; with gradients, the graph keeps
 * the ones it needs. An encoder holds names and sizes but no state, and is safe from any thread.
 */
public final class Encoder {

    private final EncoderSizes sizes;
    private final EncoderNames names;
    private final EncoderParts<?> parts;
    private final HeadLayers sequenceHead;
    private final HeadInput headInput;
    private final Pattern inLayer;

    private final Set<String> norms;

    /** What the weight of a Linear is multiplied with, per sequence. */
    public enum Multiplied {
        /** Each token. */
        EVERY_TOKEN,
        /** The first token, or another vector of the whole sequence. */
        FIRST_TOKEN,
        /** N parts of one vector, each by the rows of one attention head. */
        ONE_VECTOR_BY_HEAD
    }

    /**
     * Creates an encoder.
     *
     * @param parts with the pooler only if these heads need it
     * @param sequenceHead the head that the architecture has for whole sequences
     */
    public Encoder(
            EncoderSizes sizes,
            EncoderNames names,
            EncoderParts<?> parts,
            HeadLayers sequenceHead,
            HeadInput headInput) {
        this.sizes = sizes;
        this.names = names;
        this.parts = parts;
        this.sequenceHead = sequenceHead;
        this.headInput = headInput;
        this.inLayer = Pattern.compile(Pattern.quote(names.prefix() + names.layers()) + "(\\d+)\\..*");
        this.norms =
                parts.all().stream().flatMap(part -> part.norms().stream()).collect(Collectors.toUnmodifiableSet());
    }

    /** The encoder as TorchScript; empty if heads read every token, which is not written yet. */
    public Optional<EncoderScript> script() {
        return headInput == HeadInput.EVERY_TOKEN ? Optional.empty() : Optional.of(new EncoderScript(this, parts));
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
        return parts.pooler().isPresent();
    }

    /** The layers of the head, which train whole. */
    public HeadLayers head() {
        return headInput == HeadInput.EVERY_TOKEN ? HeadLayers.classifier(sizes.hidden()) : sequenceHead;
    }

    /** Every weight that a checkpoint must hold, ordered by name. */
    public List<TensorSpec> weights() {
        return parts.all().stream()
                .flatMap(part -> part.weights().stream())
                .sorted()
                .toList();
    }

    /** The name of the table of words. */
    String words() {
        return parts.embeddings().words();
    }

    /** Whether a tensor is the weight or bias of a layer normalization of this encoder. */
    public boolean isNorm(String tensor) {
        return norms.contains(tensor.substring(0, Math.max(0, tensor.lastIndexOf('.'))));
    }

    /** Paths of every Linear that LoRA can adapt, ordered by path, with weight [out, in]. */
    public List<TensorSpec> linears() {
        return parts.all().stream()
                .flatMap(part -> part.linears().stream())
                .sorted()
                .toList();
    }

    /** Paths of every table of embeddings that LoRA can adapt, ordered by path, with weight [rows, width]. */
    public List<TensorSpec> tables() {
        return parts.embeddings().tables().stream().sorted().toList();
    }

    /** Names and shapes of every bias of the encoder. */
    public List<TensorSpec> biases() {
        return weights().stream().filter(t -> t.name().endsWith(".bias")).toList();
    }

    /**
     * Our name of a tensor of a checkpoint or an adapter. Those of a bare model lack the prefix; TensorFlow conversions call the weight and
     * bias of a layer normalization gamma and beta. Empty for tensors that fine-tuning does not use: pre-training heads, the
     * position_ids buffer, and a pooler that the head does not read.
     */
    public Optional<String> canonicalName(String checkpointName) {
        String name = checkpointName.replaceFirst("\\.gamma$", ".weight").replaceFirst("\\.beta$", ".bias");
        return Stream.of(name, names.prefix() + name)
                .filter(full -> layerIndex(full) < headIndex())
                .findFirst()
                .or(() -> sequenceHead.modules().stream().anyMatch(module -> checkpointName.startsWith(module + "."))
                        ? Optional.of(checkpointName)
                        : Optional.empty());
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
        if (isOf(parts.embeddings(), name)) {
            return 0;
        }
        return parts.pooler().filter(pooler -> isOf(pooler, name)).isPresent() ? layers() + 1 : headIndex();
    }

    /** Whether a name is a module of a part, or begins with one. */
    private static boolean isOf(EncoderPart part, String name) {
        return part.weights().stream()
                .map(weight -> weight.name().substring(0, weight.name().lastIndexOf('.')))
                .anyMatch(module -> name.equals(module) || name.startsWith(module + "."));
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

    /** Whether the output at a layer index is one vector per sequence, of the last layer for the first token, not one per token. */
    public boolean firstTokenAlone(int layerIndex) {
        boolean ofLastLayer = parts.pooler().map(Pooler::reads).orElse(HeadInput.FIRST_TOKEN) == HeadInput.FIRST_TOKEN;
        return headInput == HeadInput.FIRST_TOKEN && (layerIndex > layers() || (layerIndex == layers() && ofLastLayer));
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
        return index > layers() ? Multiplied.FIRST_TOKEN : layer(index).inFirstToken(path);
    }

    /** Whether each row of a batch can have a weight of its own for this Linear, because it multiplies only that row's vectors. */
    public boolean isByRow(String path) {
        int index = layerIndex(path);
        return index == 0 || index > layers() || !layer(index).isSharedByRows(path);
    }

    /**
     * Whether a Linear of the encoder multiplies its layer's input. In the lowest trainable layer, no gradient passes through such
     * a Linear.
     */
    public boolean readsLayerInput(String path) {
        int index = layerIndex(path);
        return index == 0
                || index > layers()
                || (layer(index).readsInput(path) && multiplied(path) != Multiplied.ONE_VECTOR_BY_HEAD);
    }

    /** The layer at a layer index. */
    EncoderLayer<?> layer(int layerIndex) {
        return parts.layers().get(layerIndex - 1);
    }

    /** Bytes that are kept of the pooler for a row of S tokens. */
    double keptOfPooler(int length) {
        return parts.pooler().orElseThrow().keptBytes(length);
    }

    /**
     * Runs the layers from index {@code from} (inclusive) to {@code to} (exclusive); index 0, the embeddings, ignores its
     * input. An index with the {@linkplain #firstTokenAlone first token alone} returns [B, H]; everything else returns
     * [B·S, H].
     */
    public Variable run(int from, int to, ForwardPass pass, Variable input, Tokens tokens) {
        Variable x = from == 0 && to > 0 ? embed(pass, tokens) : input;
        x = runLayers(parts, Math.max(1, from), Math.min(to, layers() + 1), false, pass, x, tokens);
        if (from > layers() + 1 || to <= layers() + 1 || !pools()) {
            return x;
        }
        Variable last = x;
        return inOwnManager(last, () -> parts.pooler().orElseThrow().pool(pass, last, tokens));
    }

    private <C> Variable runLayers(
            EncoderParts<C> of, int from, int to, boolean everyToken, ForwardPass pass, Variable input, Tokens tokens) {
        if (from >= to) {
            return input;
        }
        try (NDManager own = tokens.ids().getManager().newSubManager()) {
            C shared = of.embeddings().shared(pass, tokens, own);
            Variable x = input;
            for (int index = from; index < to; index++) {
                EncoderLayer<C> layer = of.layers().get(index - 1);
                boolean first = firstTokenAlone(index) && !everyToken;
                Variable entered = x;
                x = inOwnManager(
                        entered,
                        () -> first
                                ? layer.firstToken(pass, entered, shared)
                                : layer.everyToken(pass, entered, shared));
            }
            return x;
        }
    }

    /** transformers' {@code last_hidden_state} of what the last layer gave: [M, H]. */
    public Variable lastHidden(ForwardPass pass, Variable x) {
        return parts.pooler().isPresent() ? parts.pooler().get().lastHidden(pass, x) : x;
    }

    /** Logits [B, C], or [B·S, C] if the head reads every token, from the input of a layer. */
    public Variable logits(int from, ForwardPass pass, Variable input, Tokens tokens) {
        return head().logits(pass, run(from, headIndex(), pass, input, tokens));
    }

    /** Embeddings of a batch: [B·S, H]. */
    public Variable embed(ForwardPass pass, Tokens tokens) {
        return parts.embeddings().embed(pass, tokens);
    }

    /** Layer i for every token, also if the head reads the first alone: x [B·S, H] to [B·S, H]. */
    public Variable layer(int layer, ForwardPass pass, Variable x, Tokens tokens) {
        return runLayers(parts, layer + 1, layer + 2, true, pass, x, tokens);
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

    /**
     * Whether a weight may be held in bfloat16: the tables of the embeddings, and every Linear that is multiplied with every
     * token. The others cost little, and first-token attention multiplies them in an order of its own.
     */
    public boolean roundsToBfloat16(String tensor) {
        int index = layerIndex(tensor);
        return tensor.endsWith(".weight") && !isNorm(tensor) && index < headIndex() && !firstTokenAlone(index);
    }
}
