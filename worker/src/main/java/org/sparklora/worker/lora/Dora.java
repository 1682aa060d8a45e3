package org.sparklora.worker.lora;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.DoubleConsumer;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.engine.KeyedDropout;
import org.sparklora.worker.engine.Ops;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Variable;

/**
 * DoRA (Liu et al. 2024, arXiv:2402.09353): plain LoRA gives each row of the weight its direction, and a vector m its length.
 * y = x Vᵀ ∘ f + b with V = W + B A · scaling and f = m / ‖V‖.
 *
 * <p>x [M, in], V [out, in], m and f [out], y [M, out]; ‖V‖ is the norm of each row. It is a constant for the gradient
 * (section 4.3). m starts as the norms of W, so an adapter that has not trained equals the base but for rounding.
 *
 * <p>With dropout, PEFT drops the input of both A and W, but of W only in what f changes: y = x Wᵀ + b + d Wᵀ ∘ (f − 1) +
 * (d Aᵀ) Bᵀ · scaling ∘ f, with d = drop(x). It is computed as (x − d) Wᵀ + b + d Vᵀ ∘ f.
 *
 * <p>The norms take the product B A once a pass, however few tokens the pass has, so a frozen module in float32 is always
 * merged. A row of zeros, whose direction is not defined, stays one.
 */
public enum Dora implements LoraVariant {
    /** The variant; it has no settings of its own. */
    INSTANCE;

    private static final PlainLora PAIR = PlainLora.INSTANCE;

    /** The smallest norm that is divided by. */
    private static final double SMALLEST = Float.MIN_NORMAL;

    /** By how much m may differ from a norm that was added in another order. */
    private static final double ROUNDING = 1e-6;

    @Override
    public Map<String, Object> settings() {
        return Map.of("use_dora", true);
    }

    @Override
    public List<TensorSpec> tensors(LoraModule module) {
        TensorSpec magnitude = new TensorSpec(magnitude(module), List.of(module.outFeatures()));
        return Stream.concat(PAIR.tensors(module).stream(), Stream.of(magnitude))
                .toList();
    }

    /** Name of m: what PEFT writes. */
    private static String magnitude(LoraModule module) {
        return module.path() + ".lora_magnitude_vector";
    }

    @Override
    public Map<String, Object> peftSettings() {
        Map<String, Object> keys = new TreeMap<>(PAIR.peftSettings());
        keys.putAll(settings());
        return keys;
    }

    @Override
    public Map<String, float[]> initialValues(LoraModule module, GroupSettings settings, long seed, BaseWeight weight) {
        Map<String, float[]> values = new TreeMap<>(PAIR.initialValues(module, settings, seed, weight));
        values.put(magnitude(module), norms(module, weight.values().get()));
        return values;
    }

    private static float[] norms(LoraModule module, float[] weight) {
        int in = module.inFeatures();
        float[] norms = new float[module.outFeatures()];
        for (int row = 0; row < norms.length; row++) {
            double squares = 0;
            for (int i = row * in; i < (row + 1) * in; i++) {
                squares += (double) weight[i] * weight[i];
            }
            norms[row] = (float) StrictMath.sqrt(squares);
        }
        return norms;
    }

    @Override
    public boolean changesOutput(LoraModule module, AdapterSnapshot values, Supplier<float[]> weight) {
        if (PAIR.changesOutput(module, values, weight)) {
            return true;
        }
        if (!values.contains(magnitude(module))) {
            return false;
        }
        float[] m = values.view(magnitude(module));
        float[] norms = norms(module, weight.get());
        for (int row = 0; row < m.length; row++) {
            if (Math.abs(m[row] - norms[row]) > ROUNDING * norms[row]) {
                return true;
            }
        }
        return false;
    }

    /** Those of the pair and of f; with dropout also W of what stays. */
    @Override
    public long multiplyAdds(LoraModule module, boolean dropsOut) {
        long again = dropsOut ? (long) module.inFeatures() * module.outFeatures() : 0;
        return PAIR.multiplyAdds(module, dropsOut) + module.outFeatures() + again;
    }

    /** The norms: B A, and the squares of V. */
    @Override
    public long multiplyAddsOfPass(LoraModule module) {
        return (module.loraRank() + 1L) * module.inFeatures() * module.outFeatures();
    }

    /** Those of the pair and the input of f; with dropout also a second mask. */
    @Override
    public long savedValues(LoraModule module, boolean dropsOut) {
        return PAIR.savedValues(module, dropsOut) + module.outFeatures() + (dropsOut ? module.inFeatures() : 0);
    }

    @Override
    public Decomposed layer(LoraModule module, GroupSettings settings, boolean trains, AdapterRegistry arrays) {
        return new Decomposed(PlainLora.pair(module, settings, trains, arrays), arrays.tensor(magnitude(module)));
    }

    @Override
    public void merge(
            LoraModule module, GroupSettings settings, AdapterSnapshot values, float[] weight, DoubleConsumer out) {
        float[] m = values.view(magnitude(module));
        PairAtRest pair = PAIR.atRest(module, settings, values).orElseThrow();
        double[] v = new double[module.inFeatures()];
        for (int row = 0; row < module.outFeatures(); row++) {
            PlainLora.mergeRow(pair, r -> 1, weight, row, v);
            double squares = 0;
            for (double value : v) {
                squares += value * value;
            }
            double factor = m[row] / Math.max(StrictMath.sqrt(squares), SMALLEST);
            for (double value : v) {
                out.accept(value * factor);
            }
        }
    }

    /**
     * One module in one pass.
     *
     * @param pair A and B, of the direction
     * @param magnitude m [out]
     */
    record Decomposed(PlainLora.Pair pair, Variable magnitude) implements Layer {

        @Override
        public Variable forward(Variable x, Variable weight, @Nullable Variable bias, KeyedDropout masks) {
            Precision precision = x.precision();
            if (precision == Precision.FLOAT32 && pair.dropout().isEmpty()) {
                NDArray merged = merged(weight.array(), x.manager());
                return x.linear(x.graph().constant(merged), bias, null);
            }
            Variable f = magnitude.times(inverseNorms(weight, x.manager()));
            Variable read = x;
            Variable other = bias;
            double p = pair.dropout().orElse(0.0);
            if (masks.drops(p)) {
                long[] shape = x.shape().stream().mapToLong(Integer::longValue).toArray();
                NDArray mask = masks.mask(x.manager(), shape, pair.mask(), p);
                Variable rest = x.times(Tensors.constant(x.manager(), 1).sub(mask));
                other = rest.linear(weight, bias, null).to(Precision.FLOAT32);
                read = x.times(mask);
            }
            Variable narrow =
                    read.to(Precision.FLOAT32).linear(pair.a(), null, null).times(pair.scaling());
            Variable base = read.linear(weight, null, null).to(Precision.FLOAT32);
            return narrow.linear(pair.b(), null, base).timesColumns(f, other).to(precision);
        }

        @Override
        public List<Variable> parameters() {
            return List.of(pair.a(), pair.b(), magnitude);
        }

        @Override
        public NDArray merged(NDArray weight, NDManager manager) {
            NDArray v = pair.merged(weight, manager);
            NDArray factors = inverseNorms(v).mul(magnitude.array());
            return v.mul(factors.reshape(-1, 1));
        }

        /** 1 / ‖V‖ of a weight in any precision, [out]; owned by {@code manager}. */
        private NDArray inverseNorms(Variable weight, NDManager manager) {
            try (NDManager products = manager.newSubManager()) {
                Variable wide = weight.to(Precision.FLOAT32);
                if (wide != weight) {
                    wide.attach(products);
                }
                NDArray inverse = inverseNorms(pair.merged(wide.array(), products));
                inverse.attach(manager);
                return inverse;
            }
        }

        /** 1 / ‖V‖ as a constant for the gradient, [out]; owned by the manager of V. */
        private static NDArray inverseNorms(NDArray v) {
            NDManager manager = v.getManager();
            NDArray norms = v.norm(new int[] {1}).maximum(Tensors.constant(manager, SMALLEST));
            NDArray inverse = Tensors.constant(manager, 1).div(norms).stopGradient();
            inverse.attach(manager);
            return inverse;
        }

        /** f by head, [N, 1, D]. */
        private NDArray byHead(LinearByHead linear, NDManager manager) {
            NDArray f = inverseNorms(linear.weight(), manager).mul(magnitude.array());
            return f.reshape(new Shape(linear.heads(), 1, -1));
        }

        @Override
        public NDArray dot(LinearByHead linear, NDArray query, NDArray x) {
            NDArray scaled = query.mul(byHead(linear, query.getManager()));
            NDArray narrow = scaled.matMul(linear.rows(pair.b().array(), query.getManager()))
                    .mul(pair.scaling());
            NDArray ofPair = narrow.matMul(pair.a().array());
            NDArray ofBias = linear.queryTimesBias(query);
            NDArray dropped = pair.drop(x, linear.masks());
            if (dropped == x) {
                return LinearByHead.products(linear.queryTimesWeight(scaled).add(ofPair), x)
                        .add(ofBias);
            }
            NDArray changed = linear.queryTimesWeight(scaled.sub(query)).add(ofPair);
            return LinearByHead.products(linear.queryTimesWeight(query), x)
                    .add(ofBias)
                    .add(LinearByHead.products(changed, dropped));
        }

        @Override
        public NDArray weigh(LinearByHead linear, NDArray weights, NDArray x) {
            NDManager manager = weights.getManager();
            NDArray dropped = linear.mean(weights, pair.drop(x, linear.masks()));
            NDArray narrow = Ops.linear(dropped, pair.a().array(), null).mul(pair.scaling());
            NDArray ofPair =
                    narrow.matMul(linear.rows(pair.b().array(), manager).transpose(0, 2, 1));
            NDArray direction = linear.timesWeight(dropped).add(ofPair);
            // Without dropout the difference is zero, and what remains is the bias.
            NDArray rest = linear.weighMean(weights, linear.mean(weights, x).sub(dropped));
            return direction.mul(byHead(linear, manager)).add(rest);
        }
    }
}
