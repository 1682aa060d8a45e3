package org.sparklora.worker.contract;

import java.io.Serializable;

/**
 * What the bits of a result depend on besides the processor.
 *
 * @param kernel library that multiplies matrices
 * @param precision of the frozen layers
 */
public record Arithmetic(Kernel kernel, Precision precision) implements Serializable {

    /** oneDNN in float32. */
    public static final Arithmetic DEFAULT = new Arithmetic(Kernel.ONEDNN, Precision.FLOAT32);
}
