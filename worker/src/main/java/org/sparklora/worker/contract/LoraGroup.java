package org.sparklora.worker.contract;

import java.io.Serializable;
import java.util.Comparator;
import java.util.List;

/**
 * A named set of LoRA modules that freezes and thaws as one.
 *
 * @param purpose why the group exists, in the user's words; kept in the manifest and the history
 * @param modules at least one, ordered by path
 */
public record LoraGroup(String name, String purpose, List<LoraModule> modules, GroupSettings settings)
        implements Serializable {

    /** @throws IllegalArgumentException for a group without modules */
    public LoraGroup {
        if (modules.isEmpty()) {
            throw new IllegalArgumentException("group '" + name + "' has no modules");
        }
        modules =
                modules.stream().sorted(Comparator.comparing(LoraModule::path)).toList();
    }
}
