package org.sparklora.worker.encoder.modernbert;

import ai.djl.ndarray.NDManager;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.Embeddings;
import org.sparklora.worker.encoder.EncoderPart;
import org.sparklora.worker.encoder.EncoderScript;
import org.sparklora.worker.encoder.EncoderSizes;
import org.sparklora.worker.encoder.ForwardPass;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.encoder.modernbert.LayerType.View;
import org.sparklora.worker.engine.Variable;

/**
 * The words, each a row of a table, normalized. Positions come in by the layers' attention. The layers share a view of the batch
 * for each of their types.
 *
 * @param types of all layers
 */
record ModernBertEmbeddings(EncoderSizes sizes, List<LayerType> types) implements Embeddings<Map<LayerType, View>> {

    private static final String PATH = "model.embeddings.";
    private static final String TABLE = PATH + "tok_embeddings";
    private static final String NORM = PATH + "norm";

    @Override
    public List<TensorSpec> weights() {
        return Stream.concat(
                        Stream.of(new TensorSpec(words(), List.of(sizes.vocabulary(), sizes.hidden()))),
                        EncoderPart.withoutBiases(List.of(), norms(), sizes.hidden()).stream())
                .toList();
    }

    @Override
    public List<String> norms() {
        return List.of(NORM);
    }

    @Override
    public List<TensorSpec> tables() {
        return List.of(new TensorSpec(TABLE, List.of(sizes.vocabulary(), sizes.hidden())));
    }

    @Override
    public Variable embed(ForwardPass pass, Tokens tokens) {
        NDManager outer = tokens.ids().getManager();
        try (NDManager own = outer.newSubManager()) {
            Variable rows = pass.rows(TABLE, tokens.ids());
            rows.attach(own);
            Variable normalized = pass.normalize(NORM, rows, sizes.layerNormEps());
            Variable out = pass.dropout()
                    .apply(normalized, PATH + "dropout", pass.rates().embeddings());
            out.attach(outer);
            return out;
        }
    }

    @Override
    public Map<LayerType, View> shared(ForwardPass pass, Tokens tokens, NDManager manager) {
        return types.stream()
                .distinct()
                .collect(Collectors.toMap(Function.identity(), type -> type.of(tokens, sizes.headSize(), manager)));
    }

    @Override
    public String script() {
        return EncoderScript.resource(ModernBertEmbeddings.class, "embeddings.py")
                        .replace("LONGEST", Integer.toString(sizes.positions().max()))
                        .replace("EMBEDDED", ModernBertLayer.norm(NORM, "torch.embedding(WORDS, input_ids)", sizes))
                        .replace("WORDS", EncoderScript.weight(words()))
                + types.stream()
                        .distinct()
                        .map(type -> type.script(sizes.headSize()))
                        .collect(Collectors.joining());
    }
}
