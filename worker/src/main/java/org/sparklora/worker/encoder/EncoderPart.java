package org.sparklora.worker.encoder;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.sparklora.worker.contract.TensorSpec;

/** A part of an encoder with weights of its own: the embeddings, a layer, or the pooler. Names are full Hugging Face names. */
public interface EncoderPart {

    /** Every weight that a checkpoint must hold, in any order. */
    List<TensorSpec> weights();

    /** Paths of the Linears that LoRA can adapt, with weight [out, in]; none by default. */
    default List<TensorSpec> linears() {
        return List.of();
    }

    /** Paths of the layer normalizations; none by default. */
    default List<String> norms() {
        return List.of();
    }

    /**
     * The weights of Linears and layer normalizations that all have a bias.
     *
     * @param width of the layer normalizations
     */
    static List<TensorSpec> withBiases(List<TensorSpec> linears, List<String> norms, int width) {
        List<TensorSpec> weights = new ArrayList<>();
        Stream.concat(linears.stream(), norms.stream().map(norm -> new TensorSpec(norm, List.of(width))))
                .forEach(module -> {
                    weights.add(new TensorSpec(module.name() + ".weight", module.shape()));
                    weights.add(new TensorSpec(
                            module.name() + ".bias", List.of(module.shape().get(0))));
                });
        return weights;
    }

    /** The same of modules without a bias. */
    static List<TensorSpec> withoutBiases(List<TensorSpec> linears, List<String> norms, int width) {
        return withBiases(linears, norms, width).stream()
                .filter(weight -> weight.name().endsWith(".weight"))
                .toList();
    }
}
