package org.sparklora.worker.encoder.deberta;

import ai.djl.ndarray.NDArray;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.encoder.EncoderNames;
import org.sparklora.worker.encoder.EncoderScript;
import org.sparklora.worker.encoder.EncoderSizes;
import org.sparklora.worker.encoder.ForwardPass;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.encoder.bert.BertLayer;
import org.sparklora.worker.encoder.bert.LayerPaths;
import org.sparklora.worker.encoder.bert.LayerPaths.Projections;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Variable;
import org.sparklora.worker.engine.Variable.RelativePositions;
import org.sparklora.worker.lora.LinearByHead;

/**
 * BERT's layer with disentangled attention: the score of query i and key j with the relative embedding E of i − j is (q_i · k_j +
 * q_i · key(E) + query(E) · k_j) / √(3 D) + mask_j, where key and query are the layer's own Linears, LoRA included.
 */
final class DebertaLayer extends BertLayer {

    /** What the Linears of queries and keys drop out of relative embeddings is not what they drop out of tokens. */
    private static final String RELATIVE = "relative";

    private final DebertaEmbeddings embeddings;

    private DebertaLayer(EncoderSizes sizes, LayerPaths paths, DebertaEmbeddings embeddings) {
        super(sizes, paths);
        this.embeddings = embeddings;
    }

    /** All layers of an encoder. */
    static List<DebertaLayer> all(EncoderSizes sizes, EncoderNames names, DebertaEmbeddings embeddings) {
        return IntStream.range(0, sizes.layers())
                .mapToObj(layer -> new DebertaLayer(sizes, paths(names.layer(layer)), embeddings))
                .toList();
    }

    private static LayerPaths paths(String prefix) {
        LayerPaths paths = LayerPaths.ofBert(prefix);
        String self = prefix + "attention.self.";
        return new LayerPaths(
                paths.attentionDropout(),
                new Projections(self + "query_proj", self + "key_proj", self + "value_proj"),
                paths.attended(),
                paths.intermediate(),
                paths.output());
    }

    @Override
    protected Variable attend(ForwardPass pass, List<Variable> projected, Tokens tokens, @Nullable NDArray dropout) {
        Variable query = projected.get(0);
        int far = tokens.length() - 1;
        Variable relative = drop(pass, embeddings.relative(pass, query.manager(), -far, far))
                .to(query.precision());
        ForwardPass ofRelative = pass.apart(RELATIVE);
        RelativePositions positions = new RelativePositions(
                ofRelative.linear(paths.projections().key(), relative),
                ofRelative.linear(paths.projections().query(), relative));
        return Variable.disentangledAttention(
                query, projected.get(1), projected.get(2), positions, tokens.mask(), sizes.heads(), dropout);
    }

    /** Keys and queries of relative positions are those of all rows. */
    @Override
    public boolean isSharedByRows(String path) {
        return path.equals(paths.projections().key())
                || path.equals(paths.projections().query());
    }

    private Variable drop(ForwardPass pass, Variable relative) {
        return pass.dropHidden(relative, paths.attentionDropout() + ".pos_dropout");
    }

    /** The relative embeddings of 0 − j for each key j, [S, H], and the queries [S, N·D] that they are projected to. */
    @Override
    protected List<Variable> besideQueryOfFirst(ForwardPass pass, Tokens tokens, Variable first) {
        Variable relative = drop(pass, embeddings.relative(pass, first.manager(), 0, 1 - tokens.length()));
        return List.of(relative, pass.apart(RELATIVE).linear(paths.projections().query(), relative));
    }

    /**
     * The scores of first tokens. q · key(x) + q · key(E) is q · key(x + E), but for q · bias, which moves all scores of a query
     * alike. And query(E) · key(x) is that of {@link LinearByHead} with a query per key, which serves all sequences. So no token is
     * multiplied with the weight of keys.
     */
    @Override
    protected NDArray scoresOfFirst(ForwardPass pass, LinearByHead key, NDArray x, List<NDArray> of) {
        NDArray ofQuery = key.dot(byHead(of.get(0)), x.add(of.get(1)));
        NDArray ofRelative = pass.apart(RELATIVE)
                .byHead(paths.projections().key(), sizes.heads())
                .dot(byHead(of.get(2)), x.transpose(1, 0, 2))
                .transpose(2, 1, 0);
        NDArray root = Tensors.constant(x.getManager(), StrictMath.sqrt(3.0 * sizes.headSize()));
        return ofQuery.add(ofRelative).div(root);
    }

    /**
     * Beside Q Kᵀ and P V, two products of S tokens with 2 S − 1 distances. For the first token alone it is less, but each layer
     * also projects the distances of a batch, which is counted nowhere else.
     */
    @Override
    public double attention(int length, boolean firstTokenAlone) {
        return 3 * super.attention(length, firstTokenAlone);
    }

    /** What BERT's layer keeps; for the first token alone also the sums of tokens and relative embeddings. */
    @Override
    public double keptBytes(int length, boolean firstTokenAlone, Precision precision) {
        double sums = firstTokenAlone ? Float.BYTES * (double) length * sizes.hidden() : 0;
        return super.keptBytes(length, firstTokenAlone, precision) + sums;
    }

    @Override
    public String methods() {
        return methods(EncoderScript.resource(DebertaLayer.class, "attention.py")
                .replace("ROOT", Double.toString(StrictMath.sqrt(3.0 * sizes.headSize()))));
    }

    @Override
    public String script(String x, String asking, String result) {
        return script(x, asking, "mask, relative, rows", result);
    }
}
