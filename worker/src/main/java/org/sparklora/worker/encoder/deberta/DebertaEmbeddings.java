package org.sparklora.worker.encoder.deberta;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.EncoderNames;
import org.sparklora.worker.encoder.EncoderScript;
import org.sparklora.worker.encoder.EncoderSizes;
import org.sparklora.worker.encoder.ForwardPass;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.encoder.bert.BertEmbeddings;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Variable;

/**
 * BERT's embeddings, with 0 for padding and in most checkpoints without positions, and the table of relative embeddings [2 K, H]
 * that all layers read.
 */
final class DebertaEmbeddings extends BertEmbeddings {

    private final EncoderSizes sizes;
    private final RelativePosition positions;
    private final TensorSpec table;
    private final String norm;

    DebertaEmbeddings(EncoderSizes sizes, EncoderNames names, RelativePosition positions) {
        super(sizes, names);
        this.sizes = sizes;
        this.positions = positions;
        this.table = new TensorSpec(
                names.prefix() + "encoder.rel_embeddings.weight", List.of(positions.rows(), sizes.hidden()));
        this.norm = names.prefix() + "encoder.LayerNorm";
    }

    /** The table; BERT's embeddings add the weights of all {@link #norms}. */
    @Override
    public List<TensorSpec> weights() {
        return Stream.concat(super.weights().stream(), Stream.of(table)).toList();
    }

    @Override
    public List<String> norms() {
        return Stream.concat(super.norms().stream(), Stream.of(norm)).toList();
    }

    @Override
    protected Variable afterDropout(ForwardPass pass, Variable embedded, Tokens tokens) {
        // The mask is 0 for a token and the most negative float for padding.
        NDArray isToken = tokens.mask().exp();
        isToken.attach(embedded.manager());
        return embedded.times(isToken.reshape(new Shape(-1, 1)));
    }

    /**
     * The normalized relative embeddings of the distances from one to another, both included, [M, H] float32. Only rows that a
     * batch of this length reaches are read, by each layer for itself: they take little time beside its products.
     *
     * @param manager owns them
     */
    Variable relative(ForwardPass pass, NDManager manager, int from, int to) {
        long[] rows = new long[Math.abs(to - from) + 1];
        Arrays.setAll(rows, i -> positions.row(from < to ? from + i : from - i));
        Variable read = pass.weight(table.name()).rows(Tensors.longs(manager, rows, rows.length));
        return pass.normalize(norm, read, sizes.layerNormEps());
    }

    @Override
    public String script() {
        String code = EncoderScript.resource(DebertaEmbeddings.class, "distances.py")
                .replace("ROWS", positions.script())
                .replace("TABLE", EncoderScript.weight(table.name()))
                .replace("NORM", EncoderScript.weightAndBias(norm));
        return super.script() + EncoderScript.filled(code, sizes);
    }
}
