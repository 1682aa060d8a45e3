package org.sparklora.driver.freeze;

import java.util.Locale;

/** What becomes of a group's AdamW moments and step count when it thaws again. */
public enum OptimizerStatePolicy {
    /** They go on as PyTorch's do for parameters that rested. A first thaw has nothing to keep. */
    KEEP,
    /** They start at zero. */
    FRESH,
    /** The moments are scaled by 0.1, the step count goes on. */
    DECAY;

    /** The job file's spelling. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
