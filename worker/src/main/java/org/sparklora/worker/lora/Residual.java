package org.sparklora.worker.lora;

import java.nio.FloatBuffer;
import java.util.List;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.LoraModule;

/**
 * What is left of a module's weight after a LoRA pair has taken a part out of it: W + scaling · B A, where B A is the negative
 * of that part. Equal residuals of one weight have the same values.
 *
 * @param taken A [r, in] and B [out, r] by the names of the module's own
 */
public record Residual(LoraModule module, GroupSettings settings, AdapterSnapshot taken) {

    /** Shape of the weight, [out, in]. */
    public List<Integer> shape() {
        return List.of(module.outFeatures(), module.inFeatures());
    }

    /** The values, row-major, computed in double precision and rounded once: the same bits on every JVM. */
    public float[] of(float[] weight) {
        FloatBuffer left = FloatBuffer.allocate(weight.length);
        PlainLora.INSTANCE.merge(module, settings, taken, weight, value -> left.put((float) value));
        return left.array();
    }
}
