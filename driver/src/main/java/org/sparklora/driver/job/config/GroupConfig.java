package org.sparklora.driver.job.config;

import java.util.List;
import org.sparklora.driver.job.manifest.ModulePattern;
import org.sparklora.driver.job.manifest.PatternMap;

/**
 * One group of modules, with what it inherits from {@link LoraConfig} filled in. A group's own {@code exclude_modules},
 * {@code rank_pattern} or {@code alpha_pattern} takes the place of the inherited one, as its own {@code r} does.
 *
 * @param excludeModules never adapted, whatever {@code targetModules} says
 * @param layersToTransform indices of encoder layers; empty: all layers
 * @param purpose why the group exists, in the user's words; may be empty
 * @param r rank of the modules that {@code rankPattern} says nothing of; {@code loraAlpha} likewise
 * @param learningRateScale factor on training.learning_rate, above 0
 * @param warmupSteps optimizer steps after each thaw over which the rate rises to its full value
 */
public record GroupConfig(
        ModulePattern targetModules,
        ModulePattern excludeModules,
        List<Integer> layersToTransform,
        String purpose,
        int r,
        double loraAlpha,
        double loraDropout,
        PatternMap<Integer> rankPattern,
        PatternMap<Double> alphaPattern,
        double learningRateScale,
        int warmupSteps) {

    public GroupConfig {
        layersToTransform = List.copyOf(layersToTransform);
    }
}
