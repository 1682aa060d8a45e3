package org.sparklora.driver.job.fts;

import java.util.List;
import java.util.Optional;

/** Which parameters the entries of a schedule mean, by Hugging Face's names. */
interface FtsNames {

    /** Modules of the head of a model for sequence classification. */
    List<String> HEADS = List.of("classifier", "pre_classifier");

    /** The parameters that an entry means; empty: none, and {@link #whyNone} says why. */
    List<String> of(String entry);

    /** What to write after an entry that means nothing. */
    String whyNone(String entry);

    /** Whether a module is a Linear that LoRA can adapt. */
    boolean isLinear(String path);

    /** The names of a model, or what names alone can tell. */
    static FtsNames of(FtsSchedule schedule, Optional<FtsModel> model) {
        List<String> entries = schedule.phases().stream()
                .flatMap(phase -> phase.params().stream())
                .toList();
        return model.isPresent() ? FtsModelNames.of(model.get(), entries) : new FtsLiteralNames();
    }

    /** Whether a parameter is the classifier's. */
    static boolean isHead(String parameter) {
        return List.of(parameter.split("\\.", -1)).stream().anyMatch(HEADS::contains);
    }
}
