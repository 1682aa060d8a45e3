package org.sparklora.worker.encoder.bert;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.Embeddings;
import org.sparklora.worker.encoder.EncoderNames;
import org.sparklora.worker.encoder.EncoderPart;
import org.sparklora.worker.encoder.EncoderScript;
import org.sparklora.worker.encoder.EncoderSizes;
import org.sparklora.worker.encoder.ForwardPass;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.engine.Variable;

/** The sum of a token's word, type and position, each from a table of its own, normalized. */
public class BertEmbeddings implements Embeddings<Tokens> {

    private final EncoderSizes sizes;
    private final String prefix;
    private final int width;

    /** Embeddings of the hidden size. */
    public BertEmbeddings(EncoderSizes sizes, EncoderNames names) {
        this(sizes, names, sizes.hidden());
    }

    /** Embeddings of a width of their own, E. */
    protected BertEmbeddings(EncoderSizes sizes, EncoderNames names, int width) {
        this.sizes = sizes;
        this.prefix = names.prefix() + "embeddings.";
        this.width = width;
    }

    @Override
    public List<TensorSpec> weights() {
        List<TensorSpec> weights = new ArrayList<>(EncoderPart.withBiases(List.of(), norms(), width));
        tables().forEach(table -> weights.add(new TensorSpec(table.name() + ".weight", table.shape())));
        return weights;
    }

    @Override
    public List<TensorSpec> tables() {
        List<TensorSpec> tables = new ArrayList<>();
        tables.add(table("word", sizes.vocabulary()));
        if (hasPositions()) {
            tables.add(table("position", sizes.positions().rows()));
        }
        if (sizes.types().rows() > 0) {
            tables.add(table("token_type", sizes.types().rows()));
        }
        return tables;
    }

    private boolean hasPositions() {
        return sizes.positions().rows() > 0;
    }

    private TensorSpec table(String of, int rows) {
        return new TensorSpec(path(of), List.of(rows, width));
    }

    private String path(String table) {
        return prefix + table + "_embeddings";
    }

    @Override
    public List<String> norms() {
        return List.of(prefix + "LayerNorm");
    }

    @Override
    public Variable embed(ForwardPass pass, Tokens tokens) {
        NDManager outer = tokens.ids().getManager();
        try (NDManager own = outer.newSubManager()) {
            Variable sum = lookUp(pass, tokens.ids(), "word", own);
            Optional<NDArray> types = sizes.types().ids(tokens);
            if (types.isPresent()) {
                sum = sum.plus(lookUp(pass, types.get(), "token_type", own));
            }
            if (hasPositions()) {
                NDArray ids = sizes.positions().ids(tokens);
                ids.attach(own);
                sum = sum.plus(lookUp(pass, ids, "position", own));
            }
            Variable normalized = pass.normalize(prefix + "LayerNorm", sum, sizes.layerNormEps());
            Variable out = afterDropout(pass, pass.dropHidden(normalized, prefix + "dropout"), tokens);
            out.attach(outer);
            return out;
        }
    }

    private Variable lookUp(ForwardPass pass, NDArray ids, String table, NDManager manager) {
        Variable rows = pass.rows(path(table), ids);
        rows.attach(manager);
        return rows;
    }

    /** What an architecture does with the embeddings [B·S, E] before the first layer: nothing, unless it says otherwise. */
    protected Variable afterDropout(ForwardPass pass, Variable embedded, Tokens tokens) {
        return embedded;
    }

    @Override
    public Tokens shared(ForwardPass pass, Tokens tokens, NDManager manager) {
        return tokens;
    }

    @Override
    public String script() {
        return EncoderScript.resource(BertEmbeddings.class, "embeddings.py")
                .replace("EMBEDDED", hasPositions() ? "torch.add(typed, " + positions() + ")" : "typed")
                .replace("TYPED", typed())
                .replace("LONGEST", Integer.toString(sizes.positions().max()))
                .replace("WORDS", EncoderScript.weight(words()))
                .replace("TYPES", EncoderScript.weight(path("token_type") + ".weight"))
                .replace("PLACES", EncoderScript.weight(path("position") + ".weight"))
                .replace("NORM", EncoderScript.weightAndBias(prefix + "LayerNorm"))
                .replace("HIDDEN", Integer.toString(width))
                .replace("EPS", Double.toString(sizes.layerNormEps()));
    }

    /** The sum of word and token type embeddings: words [B, S, H], token types [H] or [B, S, H]. */
    private String typed() {
        if (sizes.types().rows() == 0) {
            return "words";
        }
        String types = sizes.types().given() ? "torch.embedding(TYPES, token_type_ids)" : "torch.select(TYPES, 0, 0)";
        return "torch.add(words, " + types + ")";
    }

    /** The position embeddings, [S, H] or [B, S, H]. */
    private String positions() {
        OptionalInt padTokenId = sizes.positions().padTokenId();
        if (padTokenId.isEmpty()) {
            return "torch.slice(PLACES, 0, 0, length)";
        }
        // 4 is int64. Padding has the position pad_token_id, everything else counts on from there.
        int pad = padTokenId.getAsInt();
        String there = "torch.to(torch.ne(input_ids, " + pad + "), 4)";
        return "torch.embedding(PLACES, torch.add(torch.mul(torch.cumsum(" + there + ", 1), " + there + "), " + pad
                + "))";
    }
}
