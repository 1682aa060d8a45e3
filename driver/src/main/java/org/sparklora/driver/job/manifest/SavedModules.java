package org.sparklora.driver.job.manifest;

import java.util.List;
import java.util.stream.Stream;
import org.sparklora.worker.contract.TensorSpec;

/**
 * The modules of {@code lora.modules_to_save}, which train whole: those of the head, and some of the encoder. {@code embeddings}
 * is not among them: PEFT would wrap that module and, because their names end alike, each table in it, and could not read
 * its own file.
 */
public final class SavedModules {

    private static final List<String> OF_THE_ENCODER =
            List.of("pooler", "head", "word_embeddings", "position_embeddings", "token_type_embeddings");

    /** Every name that can be given; a model has some of them. */
    public static final List<String> NAMES = Stream.concat(ModuleMatcher.HEAD_MODULES.stream(), OF_THE_ENCODER.stream())
            .toList();

    private SavedModules() {}

    /**
     * The tensors of the encoder that modules of these names hold.
     *
     * @param weights all tensors of the encoder
     */
    public static List<TensorSpec> tensors(List<String> names, List<TensorSpec> weights) {
        return weights.stream()
                .filter(tensor -> names.stream().anyMatch(name -> ("." + tensor.name()).contains("." + name + ".")))
                .toList();
    }
}
