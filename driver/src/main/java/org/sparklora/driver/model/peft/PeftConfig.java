package org.sparklora.driver.model.peft;

import java.util.SortedSet;
import org.sparklora.driver.job.manifest.PatternMap;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.lora.LoraVariant;

/**
 * The parts of {@code adapter_config.json} that change numbers. The tensors tell which modules were adapted.
 *
 * @param variant the LoRA variant
 * @param ranks r and alpha by module
 * @param bias which biases were trained
 * @param unknownKeys keys that no known version of PEFT writes; they are not used
 */
public record PeftConfig(LoraVariant variant, Ranks ranks, BiasMode bias, SortedSet<String> unknownKeys) {

    /**
     * r and alpha, with exceptions by module.
     *
     * @param r rank of the modules that no key of rankPattern matches
     * @param loraAlpha alpha of the modules that no key of alphaPattern matches
     * @param rankPattern rank_pattern in the file's order: the first key that matches counts
     * @param alphaPattern alpha_pattern, likewise
     * @param rankStabilized use_rslora: the scaling is alpha / √r
     */
    public record Ranks(
            int r,
            double loraAlpha,
            PatternMap<Integer> rankPattern,
            PatternMap<Double> alphaPattern,
            boolean rankStabilized) {

        /** The rank that the file gives a module. */
        public int rank(String module) {
            return rankPattern.valueOf(module, r);
        }

        /** The alpha that the file gives a module. */
        public double alpha(String module) {
            return alphaPattern.valueOf(module, loraAlpha);
        }
    }
}
