package org.sparklora.driver.job.config;

import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.driver.job.manifest.ModulePattern;
import org.sparklora.driver.job.manifest.PatternMap;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.lora.LoraVariant;
import org.sparklora.worker.lora.LoraVariants;

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
 * @param method the LoRA variant
 * @param modulesToSave modules trained in full beside the adapter
 * @param initAdapter PEFT directory to start from, absolute or with a scheme, or a {@link HubId}
 * @param init {@value #INIT_ALL} where the adapters of keys start from an adapter of all rows
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
        Method method,
        List<String> modulesToSave,
        Optional<String> initAdapter,
        Optional<String> init,
        SortedMap<String, GroupConfig> groups) {

    /** The value of {@code lora.init}. */
    public static final String INIT_ALL = "all";

    /**
     * The keys that choose the LoRA variant, with PEFT's names.
     *
     * @param peftType {@code LORA} or {@code ADALORA}
     * @param initLoraWeights {@code true}, {@code pissa} or {@code pissa_niter_N}
     */
    public record Method(String peftType, boolean useDora, String initLoraWeights, Ranks ranks) {

        /** The keys of AdaLoRA, with PEFT's names; empty with another method. */
        public record Ranks(
                OptionalInt initR,
                OptionalInt targetR,
                OptionalInt tinit,
                OptionalInt tfinal,
                OptionalInt deltaT,
                OptionalDouble beta1,
                OptionalDouble beta2,
                OptionalDouble orthRegWeight) {}

        /** Whether ranks change while the run trains. */
        boolean isAdaptive() {
            return peftType.equals("ADALORA");
        }

        /**
         * The LoRA variant.
         *
         * @throws IllegalArgumentException where keys exclude each other
         */
        public LoraVariant variant() {
            return LoraVariants.of(JobKeyTable.LORA.write(this));
        }
    }

    public LoraConfig {
        modulesToSave = List.copyOf(modulesToSave);
        groups = Collections.unmodifiableSortedMap(new TreeMap<>(groups));
    }

    /** The same adapter with other groups. */
    LoraConfig withGroups(SortedMap<String, GroupConfig> other) {
        return JobKeyTable.LORA.like(this).set("groups", other).to(LoraConfig.class);
    }
}
