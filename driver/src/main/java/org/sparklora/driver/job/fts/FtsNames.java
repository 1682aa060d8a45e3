package org.sparklora.driver.job.fts;

import java.util.List;
import java.util.Optional;
import org.sparklora.driver.job.manifest.ModuleMatcher;

/** Which parameters the entries of a schedule mean, by Hugging Face's names. */
interface FtsNames {

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
        return List.of(parameter.split("\\.", -1)).stream().anyMatch(ModuleMatcher.HEAD_MODULES::contains);
    }
}
