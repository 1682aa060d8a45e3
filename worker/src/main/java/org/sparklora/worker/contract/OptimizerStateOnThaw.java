package org.sparklora.worker.contract;

import java.util.Locale;

/** What happens to a group's AdamW moments and step counts when it thaws again. At its first thaw it has none. */
public enum OptimizerStateOnThaw {
    /** They continue, as in PyTorch for parameters without gradient. */
    KEEP,
    /** They start at zero. */
    FRESH,
    /** The moments are scaled by 0.1; the step counts continue. */
    DECAY;

    /** The job file's spelling. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
