package org.sparklora.driver.manifest;

import org.sparklora.worker.contract.GroupSettings;

/**
 * One group as the job file declares it, defaults already inherited.
 *
 * @param purpose why the group exists, in the user's words; may be empty
 */
public record GroupSpec(String name, String purpose, TargetModules targets, Size size, GroupSettings settings) {

    /** r and lora_alpha of every module of the group. */
    public record Size(int r, double alpha) {}

    /** Where the group stands in the job file. */
    String key() {
        return "lora.groups." + name;
    }
}
