package org.sparklora.worker.encoder.deberta;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import java.util.List;
import java.util.stream.Stream;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.Encoder.Multiplied;
import org.sparklora.worker.encoder.EncoderLayer;
import org.sparklora.worker.encoder.EncoderScript;
import org.sparklora.worker.encoder.EncoderSizes;
import org.sparklora.worker.encoder.ForwardPass;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.encoder.bert.BertLayer;
import org.sparklora.worker.encoder.bert.LayerPaths;
import org.sparklora.worker.encoder.bert.LayerPaths.Projections;
import org.sparklora.worker.engine.Ops;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Variable;
import org.sparklora.worker.engine.Variable.RelativePositions;
import org.sparklora.worker.lora.LinearByHead;

/**
 * BERT's layer with disentangled attention: the score of query i and key j with the relative embedding E of i − j is (q_i · k_j +
 * q_i · key(E) + query(E) · k_j) / √(3 D) + mask_j, where key and query are the layer's own Linears.
 */
record DebertaLayer(BertLayer bert) implements EncoderLayer<Distances> {

    /** What the Linears of queries and keys drop out of relative embeddings is not what they drop out of tokens. */
    private static final String RELATIVE = "relative";

    /** DeBERTa's names in a layer. */
    static LayerPaths paths(String prefix) {
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
    public List<TensorSpec> weights() {
        return bert.weights();
    }

    @Override
    public List<TensorSpec> linears() {
        return bert.linears();
    }

    @Override
    public List<String> norms() {
        return bert.norms();
    }

    @Override
    public Multiplied inFirstToken(String path) {
        return bert.inFirstToken(path);
    }

    @Override
    public boolean readsInput(String path) {
        return bert.readsInput(path);
    }

    @Override
    public Variable everyToken(ForwardPass pass, Variable x, Distances distances) {
        Variable entered = pass.inPrecisionOf(projections().query(), x);
        return bert.afterAttention(pass, entered, attend(pass, entered, distances));
    }

    @Override
    public Variable firstToken(ForwardPass pass, Variable x, Distances distances) {
        Variable first = x.traced(rows -> distances.tokens().byRow(rows).get("0:, 0"));
        return bert.afterAttention(pass, first, attendFromFirst(pass, first, x, distances));
    }

    /** x [B·S, H] to the context [B·S, H]. */
    private Variable attend(ForwardPass pass, Variable x, Distances distances) {
        ForwardPass ofRelative = pass.apart(RELATIVE);
        Variable relative = relative(pass, distances);
        RelativePositions positions = new RelativePositions(
                ofRelative.linear(projections().key(), rows(relative, distances.down(), x)),
                ofRelative.linear(projections().query(), rows(relative, distances.up(), x)));
        Tokens tokens = distances.tokens();
        NDArray dropout = pass.attentionDropout(
                x.manager(),
                bert.paths().attentionDropout(),
                tokens.batch(),
                sizes().heads(),
                tokens.length(),
                tokens.length());
        return Variable.disentangledAttention(
                pass.linear(projections().query(), x),
                pass.linear(projections().key(), x),
                pass.linear(projections().value(), x),
                positions,
                tokens.mask(),
                sizes().heads(),
                dropout);
    }

    /** The relative embeddings with this layer's dropout, [R, H]. */
    private Variable relative(ForwardPass pass, Distances distances) {
        return pass.dropHidden(distances.embeddings(), bert.paths().attentionDropout() + ".pos_dropout");
    }

    /** Rows of the relative embeddings, in the precision and manager of x. */
    private static Variable rows(Variable relative, NDArray rows, Variable x) {
        Variable chosen = relative.chosen(rows);
        chosen.attach(x.manager());
        return chosen.to(x.precision());
    }

    /**
     * The same with one query per row: first [B, H] and x [B·S, H] to the context [B, H].
     *
     * <p>q · key(x) + q · key(E) is q · key(x + E), but for q · bias, which moves all scores of a query alike. And query(E) ·
     * key(x) is that of LinearByHead with a query per distance, which serves all rows. So no token is multiplied with the
     * weight of keys.
     */
    private Variable attendFromFirst(ForwardPass pass, Variable first, Variable x, Distances distances) {
        ForwardPass ofRelative = pass.apart(RELATIVE);
        Variable relative = rows(relative(pass, distances), distances.fromFirst(), first);
        LinearByHead key = pass.byHead(projections().key(), sizes().heads());
        LinearByHead keyOfRelative = ofRelative.byHead(projections().key(), sizes().heads());
        LinearByHead value = pass.byHead(projections().value(), sizes().heads());
        List<Variable> parameters = Stream.concat(key.parameters().stream(), value.parameters().stream())
                .toList();
        return Variable.traced(
                of -> {
                    NDArray rows = distances.tokens().byRow(of.get(3));
                    NDArray ofQuery = key.dot(byHead(of.get(0)), rows.add(of.get(2)));
                    NDArray ofRelativeQuery = keyOfRelative
                            .dot(byHead(of.get(1)), rows.transpose(1, 0, 2))
                            .transpose(2, 1, 0);
                    NDArray root = Tensors.constant(rows.getManager(), StrictMath.sqrt(3.0 * sizes().headSize()));
                    NDArray mask = distances.tokens().maskOfFirst(rows.getManager());
                    NDArray probabilities =
                            Ops.softmax(ofQuery.add(ofRelativeQuery).div(root).add(mask));
                    return value.weigh(
                            pass.dropAttention(probabilities, bert.paths().attentionDropout()), rows);
                },
                parameters,
                pass.linear(projections().query(), first),
                ofRelative.linear(projections().query(), relative),
                relative,
                x);
    }

    /** [M, N·D] to [N, M, D]. */
    private NDArray byHead(NDArray x) {
        return x.reshape(new Shape(-1, sizes().heads(), sizes().headSize())).transpose(1, 0, 2);
    }

    /**
     * Beside Q Kᵀ and P V, two products of S tokens with 2 S − 1 distances. For the first token alone it is less, but each layer
     * also projects the distances of a batch, which is counted nowhere else.
     */
    @Override
    public double attention(int queries, int length) {
        return 3 * bert.attention(queries, length);
    }

    /** What BERT's layer keeps; for the first token alone also the sums of tokens and relative embeddings. */
    @Override
    public double keptBytes(int length, boolean firstTokenAlone, Precision precision) {
        double sums = firstTokenAlone ? Float.BYTES * (double) length * sizes().hidden() : 0;
        return bert.keptBytes(length, firstTokenAlone, precision) + sums;
    }

    @Override
    public String methods() {
        String attention = EncoderScript.resource(DebertaLayer.class, "attention.py")
                .replace("ROOT", Double.toString(StrictMath.sqrt(3.0 * sizes().headSize())));
        return bert.methods(attention);
    }

    @Override
    public String script(String x, String asking, String result) {
        return bert.script(x, asking, "mask, relative, rows", result);
    }

    private EncoderSizes sizes() {
        return bert.sizes();
    }

    private Projections projections() {
        return bert.paths().projections();
    }
}
