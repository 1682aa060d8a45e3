package org.sparklora.worker.encoder.deberta;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.List;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.Embeddings;
import org.sparklora.worker.encoder.EncoderPart;
import org.sparklora.worker.encoder.EncoderScript;
import org.sparklora.worker.encoder.EncoderSizes;
import org.sparklora.worker.encoder.ForwardPass;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.encoder.bert.BertEmbeddings;
import org.sparklora.worker.engine.Variable;

/**
 * BERT's embeddings, with 0 for padding and in most checkpoints without positions, and the table of relative embeddings [2 K, H]
 * that all layers read.
 */
record DebertaEmbeddings(EncoderSizes sizes, String prefix, RelativePosition positions, BertEmbeddings tokens)
        implements Embeddings<Distances> {

    /** The name of the table of relative embeddings. */
    private String table() {
        return prefix + "encoder.rel_embeddings.weight";
    }

    /** The path of the layer normalization of that table. */
    private String tableNorm() {
        return prefix + "encoder.LayerNorm";
    }

    @Override
    public List<TensorSpec> weights() {
        List<TensorSpec> weights = new ArrayList<>(tokens.weights());
        weights.add(new TensorSpec(table(), List.of(positions.rows(), sizes.hidden())));
        weights.addAll(EncoderPart.withBiases(List.of(), List.of(tableNorm()), sizes.hidden()));
        return weights;
    }

    @Override
    public List<TensorSpec> linears() {
        return List.of();
    }

    @Override
    public List<String> norms() {
        List<String> norms = new ArrayList<>(tokens.norms());
        norms.add(tableNorm());
        return norms;
    }

    @Override
    public String words() {
        return tokens.words();
    }

    @Override
    public Variable embed(ForwardPass pass, Tokens batch) {
        NDManager outer = batch.ids().getManager();
        try (NDManager own = outer.newSubManager()) {
            Variable embedded = tokens.embed(pass, batch);
            embedded.attach(own);
            // The mask is 0 for a token and the most negative float for padding.
            NDArray isToken = batch.mask().exp();
            isToken.attach(own);
            Variable out = embedded.times(isToken.reshape(new Shape(-1, 1)));
            out.attach(outer);
            return out;
        }
    }

    @Override
    public Distances shared(ForwardPass pass, Tokens batch, NDManager manager) {
        return Distances.of(batch, manager, positions, reached -> {
            Variable rows = pass.weight(table()).rows(reached);
            return pass.normalize(tableNorm(), rows, sizes.layerNormEps());
        });
    }

    @Override
    public String script() {
        return tokens.script()
                + EncoderScript.resource(DebertaEmbeddings.class, "distances.py")
                        .replace("TABLE", EncoderScript.weight(table()))
                        .replace("NORM", EncoderScript.weightAndBias(tableNorm()))
                        .replace("HIDDEN", Integer.toString(sizes.hidden()))
                        .replace("EPS", Double.toString(sizes.layerNormEps()))
                        .replace("ROWS", positions.script());
    }
}
