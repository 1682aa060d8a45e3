package org.sparklora.worker.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;

/**
 * A frozen tensor in bfloat16. Its array never leaves the engine, because DJL ends the process when it is asked for the type or
 * the values of one.
 */
public final class Bfloat16 {

    private final NDArray array;

    private Bfloat16(NDArray array) {
        this.array = array;
    }

    /** Rounds float32 values to nearest even; owned by {@code manager}. */
    public static Bfloat16 of(NDManager manager, NDArray values) {
        return new Bfloat16(Script.call(manager, "to_bfloat16", values));
    }

    NDArray array() {
        return array;
    }
}
