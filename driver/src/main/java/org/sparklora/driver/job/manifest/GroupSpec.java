package org.sparklora.driver.job.manifest;

import org.sparklora.worker.contract.GroupSettings;

/**
 * One group as the job file declares it, defaults already inherited.
 *
 * @param purpose why the group exists, in the user's words; may be empty
 */
public record GroupSpec(String name, String purpose, ModuleSelection modules, Size size, GroupSettings settings) {

    /**
     * r and lora_alpha of the group's modules.
     *
     * @param r rank of modules that no pattern matches
     * @param alpha alpha of the modules that no pattern matches
     */
    public record Size(
            int r, double alpha, JobValue<PatternMap<Integer>> rankPattern, JobValue<PatternMap<Double>> alphaPattern) {

        int r(String module) {
            return rankPattern.value().valueOf(module, r);
        }

        double alpha(String module) {
            return alphaPattern.value().valueOf(module, alpha);
        }
    }

    /** Path of the group in the job file. */
    String key() {
        return "lora.groups." + name;
    }
}
