package org.sparklora.driver.job.manifest;

import java.util.List;

/**
 * Which modules of a model a group adapts.
 *
 * @param targets {@code target_modules}
 * @param exclude {@code exclude_modules}: never adapted, whatever {@code targets} says
 * @param layers {@code layers_to_transform}: numbers of the layers to keep; empty keeps all, as in PEFT
 */
public record ModuleSelection(ModulePattern targets, JobValue<ModulePattern> exclude, List<Integer> layers) {

    public ModuleSelection {
        layers = List.copyOf(layers);
    }
}
