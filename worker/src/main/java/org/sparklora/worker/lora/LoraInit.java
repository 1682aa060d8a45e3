package org.sparklora.worker.lora;

import org.sparklora.worker.contract.KeyedRandom;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;

/**
 * First values of trainable tensors, each from a generator keyed by (seed, name): they do not move when a group is
 * added, removed or delayed.
 */
public final class LoraInit {

    private LoraInit() {}

    /** A [r, in]: Kaiming-uniform with a = √5 as PEFT's, that is uniform in ±1/√in. B starts at zero. */
    public static float[] loraA(long seed, LoraModule module) {
        float[] a = new float[Math.multiplyExact(module.loraRank(), module.inFeatures())];
        long key = KeyedRandom.key(seed, "init/" + module.loraA());
        double bound = 1.0 / StrictMath.sqrt(module.inFeatures());
        for (int i = 0; i < a.length; i++) {
            a[i] = (float) ((2.0 * KeyedRandom.uniform(key, i) - 1.0) * bound);
        }
        return a;
    }

    /** A new head weight: normal with the model's initializer_range, as transformers'. */
    public static float[] normal(long seed, TensorSpec tensor, double standardDeviation) {
        float[] values = new float[tensor.size()];
        long key = KeyedRandom.key(seed, "init/" + tensor.name());
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (KeyedRandom.gaussian(key, i) * standardDeviation);
        }
        return values;
    }
}
