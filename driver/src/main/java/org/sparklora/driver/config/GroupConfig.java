package org.sparklora.driver.config;

import java.util.List;

/**
 * One group of modules, with what it inherits from {@link LoraConfig} filled in.
 *
 * @param layersToTransform indices of encoder layers; empty: all layers
 * @param purpose why the group exists, in the user's words; may be empty
 * @param learningRateScale factor on training.learning_rate, above 0
 * @param warmupSteps optimizer steps after each thaw over which the rate rises to its full value
 */
public record GroupConfig(
        TargetModules targetModules,
        List<Integer> layersToTransform,
        String purpose,
        int r,
        double loraAlpha,
        double loraDropout,
        double learningRateScale,
        int warmupSteps) {

    public GroupConfig {
        layersToTransform = List.copyOf(layersToTransform);
    }
}
