package org.sparklora.driver.model.peft;

import java.util.List;
import java.util.Optional;
import org.sparklora.driver.job.manifest.PatternMap;
import org.sparklora.worker.contract.BiasMode;

/**
 * The parts of {@code adapter_config.json} that change numbers or name the adapter's origin.
 *
 * @param targets the modules that were requested; the tensors tell which were adapted
 * @param ranks r and alpha by module
 * @param loraDropout lora_dropout
 * @param bias which biases were trained
 * @param origin the base model and task
 */
public record PeftConfig(Targets targets, Ranks ranks, double loraDropout, BiasMode bias, Origin origin) {

    /**
     * target_modules in either spelling, and layers_to_transform.
     *
     * @param names the list; empty if the file holds a string
     * @param pattern the string: a regular expression on the whole name
     * @param layersToTransform empty for every layer
     */
    public record Targets(List<String> names, Optional<String> pattern, List<Integer> layersToTransform) {

        public Targets {
            names = List.copyOf(names);
            layersToTransform = List.copyOf(layersToTransform);
        }
    }

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

    /**
     * The origin of an adapter.
     *
     * @param baseModel base_model_name_or_path
     * @param taskType task_type, e.g. SEQ_CLS
     * @param modulesToSave modules_to_save as the file lists them; PEFT 0.3.0 lists none although the head is saved
     */
    public record Origin(Optional<String> baseModel, Optional<String> taskType, List<String> modulesToSave) {

        public Origin {
            modulesToSave = List.copyOf(modulesToSave);
        }
    }
}
