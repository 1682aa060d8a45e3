package org.sparklora.worker.lora;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleConsumer;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.engine.KeyedDropout;
import org.sparklora.worker.engine.Variable;

/**
 * LoRA of a table of embeddings W [V, H] (PEFT's lora.Embedding): row i is Wᵢ + (aᵢ · scaling) Bᵀ, with aᵢ column i of A.
 *
 * <p>A [r, V] starts at zero, B [H, r] standard normal. There is no dropout. Everything is float32, also beside a table in bfloat16.
 * A pass computes only the rows that its tokens look up, so that neither a trainable nor a frozen pair makes a table of its own.
 *
 * @param scaling a [1] constant
 */
record TablePair(Variable a, Variable b, NDArray scaling) implements LoraVariant.Layer {

    static Map<String, float[]> initialValues(long seed, TensorSpec a, TensorSpec b) {
        return Map.of(a.name(), new float[a.size()], b.name(), Initializers.normal(seed, b, 1.0));
    }

    @Override
    public Variable forward(Variable x, Variable weight, @Nullable Variable bias, KeyedDropout masks) {
        NDArray ids = x.array();
        NDManager outer = ids.getManager();
        try (NDManager own = outer.newSubManager()) {
            Variable rows = weight.rows(ids);
            rows.attach(own);
            Variable narrow = a.columns(ids);
            narrow.attach(own);
            Variable sum = narrow.times(scaling).linear(b, null, rows);
            sum.attach(outer);
            return sum;
        }
    }

    @Override
    public List<Variable> parameters() {
        return List.of(a, b);
    }

    @Override
    public NDArray merged(NDArray weight, NDManager manager) {
        try (NDArray product = b.array().matMul(a.array())) {
            NDArray delta = product.transpose();
            delta.attach(manager);
            // The weight second: a result belongs to the manager of its first operand.
            return delta.mul(scaling).add(weight);
        }
    }

    /** The table W + (B A)ᵀ · scaling, row by row, in double precision. */
    static void merge(
            LoraModule module, GroupSettings settings, AdapterSnapshot values, float[] weight, DoubleConsumer out) {
        int rank = module.loraRank();
        int rows = module.inFeatures();
        int width = module.outFeatures();
        double scaling = module.scaling(settings.rankStabilized());
        float[] a = values.view(module.loraA());
        float[] b = values.view(module.loraB());
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < width; column++) {
                double delta = 0;
                for (int r = 0; r < rank; r++) {
                    delta += (double) b[column * rank + r] * a[r * rows + row];
                }
                out.accept(weight[row * width + column] + delta * scaling);
            }
        }
    }
}
