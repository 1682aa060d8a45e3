package org.sparklora.driver.job.config;

import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.driver.job.manifest.ModulePattern;
import org.sparklora.driver.job.manifest.PatternMap;
import org.sparklora.worker.contract.BiasMode;

/**
 * The adapter: defaults for groups, and the groups.
 *
 * @param r default rank of groups, at least 1
 * @param loraAlpha default alpha of groups, above 0
 * @param loraDropout default dropout of groups, [0, 1)
 * @param rankPattern ranks of modules that differ from their group's, for groups without a rank pattern of their own
 * @param alphaPattern alphas, likewise
 * @param excludeModules modules that no group adapts, save groups with an exclusion of their own
 * @param useRslora scaling alpha / √r instead of alpha / r
 * @param modulesToSave modules trained in full beside the adapter
 * @param initAdapter PEFT directory to start from, absolute or with a scheme, or a {@link HubId}
 * @param groups at least one, by name
 */
public record LoraConfig(
        int r,
        double loraAlpha,
        double loraDropout,
        PatternMap<Integer> rankPattern,
        PatternMap<Double> alphaPattern,
        ModulePattern excludeModules,
        BiasMode bias,
        boolean useRslora,
        List<String> modulesToSave,
        Optional<String> initAdapter,
        SortedMap<String, GroupConfig> groups) {

    public LoraConfig {
        modulesToSave = List.copyOf(modulesToSave);
        groups = Collections.unmodifiableSortedMap(new TreeMap<>(groups));
    }

    /** The same adapter with other groups. */
    LoraConfig withGroups(SortedMap<String, GroupConfig> other) {
        return JobKeyTable.LORA.like(this).set("groups", other).to(LoraConfig.class);
    }
}
