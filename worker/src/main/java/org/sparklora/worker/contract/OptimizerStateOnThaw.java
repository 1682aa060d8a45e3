package org.sparklora.worker.contract;

import java.util.Locale;

/** What becomes of a group's AdamW moments and step counts when it thaws again. A first thaw has nothing to keep. */
public enum OptimizerStateOnThaw {
    /** They continue, as PyTorch's do for parameters that rested. */
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
