package org.sparklora.worker.lora;

import org.sparklora.worker.contract.KeyedRandom;
import org.sparklora.worker.contract.TensorSpec;

/**
 * Random first values of trainable tensors. Each tensor has a generator keyed by (seed, name), so its values do not change
 * when a group is added, removed or delayed.
 */
public final class Initializers {

    private Initializers() {}

    /** Uniform in ±bound. */
    public static float[] uniform(long seed, TensorSpec tensor, double bound) {
        float[] values = new float[tensor.size()];
        long key = KeyedRandom.key(seed, "init/" + tensor.name());
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) ((2.0 * KeyedRandom.uniform(key, i) - 1.0) * bound);
        }
        return values;
    }

    /** Normal with mean 0: how transformers starts a new head, with the model's initializer_range. */
    public static float[] normal(long seed, TensorSpec tensor, double standardDeviation) {
        float[] values = new float[tensor.size()];
        long key = KeyedRandom.key(seed, "init/" + tensor.name());
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (KeyedRandom.gaussian(key, i) * standardDeviation);
        }
        return values;
    }
}
