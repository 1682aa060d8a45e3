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
    public boolean everyToken(String path) {
        int stage = stageOf(path);
        return stage < sizes.layers()
                || (stage == sizes.layers() && (path.endsWith(".self.key") || path.endsWith(".self.value")));
    }

    @Override
    public boolean readsStageInput(String path) {
        return path.contains(".attention.self.") || path.startsWith(POOLER);
    }

    @Override
    public NDArray layer(int layer, ForwardPass pass, NDArray x, Tokens tokens) {
        return layer(names.get(layer), pass, x, tokens, tokens.length());
    }

    @Override
    public NDArray firstTokens(int layer, ForwardPass pass, NDArray x, Tokens tokens) {
        return layer(names.get(layer), pass, x, tokens, 1);
    }

    /** x [B·S, H] to [B·Q, H]: the first Q tokens of each sequence, 1 or all, attend to all S. */
    private NDArray layer(LayerNames name, ForwardPass pass, NDArray x, Tokens tokens, int queries) {
        NDManager outer = x.getManager();
        try (NDManager stage = outer.newSubManager()) {
            x.attach(stage);
            NDArray asking = queries == tokens.length() ? x : first(x, tokens);
            NDArray context = attend(name, pass, asking, x, tokens);
            NDArray attention =
                    pass.dropHidden(pass.linear(name.attentionOutput(), context), name.attentionOutput() + ".dropout");
            NDArray attended = normalise(pass, attention.add(asking), name.attentionNorm());
            NDArray inner = Ops.gelu(pass.linear(name.intermediate(), attended));
            NDArray output = pass.dropHidden(pass.linear(name.output(), inner), name.output() + ".dropout");
            NDArray out = normalise(pass, output.add(attended), name.outputNorm());
            out.attach(outer);
            return out;
        }
    }

    /** [B·S, H] to the first token of each sequence, [B, H]. */
    private NDArray first(NDArray x, Tokens tokens) {
        return x.reshape(new Shape(tokens.batch(), tokens.length(), sizes.hidden()))
                .get("0:, 0");
    }

    /** Scaled dot-product attention: asking [B·Q, H] and x [B·S, H] to the context [B·Q, H]. */
    private NDArray attend(LayerNames name, ForwardPass pass, NDArray asking, NDArray x, Tokens tokens) {
        NDArray query = heads(pass.linear(name.query(), asking), tokens);
        NDArray key = heads(pass.linear(name.key(), x), tokens);
        NDArray value = heads(pass.linear(name.value(), x), tokens);
        NDArray rootD = Tensors.constant(x.getManager(), StrictMath.sqrt(sizes.headSize()));
        NDArray scores = query.matMul(key.transpose(0, 1, 3, 2)).div(rootD).add(tokens.mask());
        NDArray probabilities = pass.dropAttention(Ops.softmax(scores), name.attention() + ".dropout");
        return probabilities.matMul(value).transpose(0, 2, 1, 3).reshape(new Shape(-1, sizes.hidden()));
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
