package org.sparklora.worker.lora;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.DoubleConsumer;
import java.util.function.IntToDoubleFunction;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.engine.KeyedDropout;
import org.sparklora.worker.engine.Ops;
import org.sparklora.worker.engine.Variable;

/**
 * LoRA (Hu et al. 2021, arXiv:2106.09685, section 4.1): y = x Wᵀ + b + (drop(x) Aᵀ · scaling) Bᵀ.
 *
 * <p>x [M, in], A [r, in], B [out, r], y [M, out] (PEFT's shapes). The scaling is alpha / r, or alpha / √r for rsLoRA, and
 * is applied to the narrow product: r columns instead of out. A starts Kaiming-uniform and B at zero, so an adapter that
 * has not trained equals the base. A table of embeddings has names and first values of its own: {@link TablePair}.
 *
 * <p>The merged weight W + B A · scaling is computed in two ways, and both must keep their bits. {@link Layer#merged}
 * multiplies in the engine in float32: prediction merges on every executor, and it must be fast. {@link #merge} adds in
 * double precision and a fixed order in plain Java: exported files must be equal on every machine and rounded once.
 */
public enum PlainLora implements LoraVariant {
    /** The variant; it has no settings of its own. */
    INSTANCE;

    @Override
    public Map<String, Object> settings() {
        return Map.of();
    }

    /** A is uniform in ±1/√in, which is Kaiming-uniform with a = √5, as in PEFT. B is zero. */
    @Override
    public Map<String, float[]> initialValues(LoraModule module, GroupSettings settings, long seed, BaseWeight weight) {
        List<TensorSpec> tensors = tensors(module);
        if (module.isTable()) {
            return TablePair.initialValues(seed, tensors.get(0), tensors.get(1));
        }
        double bound = 1.0 / StrictMath.sqrt(module.inFeatures());
        return Map.of(
                module.loraA(),
                Initializers.uniform(seed, tensors.get(0), bound),
                module.loraB(),
                new float[tensors.get(1).size()]);
    }

    @Override
    public boolean changesOutput(LoraModule module, AdapterSnapshot values, Supplier<float[]> weight) {
        // The tensor that starts at zero.
        String zero = module.isTable() ? module.loraA() : module.loraB();
        return !values.isZero(zero);
    }

    @Override
    public Layer layer(LoraModule module, GroupSettings settings, boolean trains, AdapterRegistry arrays) {
        return module.isTable()
                ? new TablePair(
                        arrays.tensor(module.loraA()),
                        arrays.tensor(module.loraB()),
                        arrays.constant(module.scaling(settings.rankStabilized())))
                : pair(module, settings, trains, arrays);
    }

    /** The layer of a Linear. */
    static Pair pair(LoraModule module, GroupSettings settings, boolean trains, AdapterRegistry arrays) {
        return new Pair(
                module.path(),
                arrays.tensor(module.loraA()),
                arrays.tensor(module.loraB()),
                arrays.constant(module.scaling(settings.rankStabilized())),
                trains ? OptionalDouble.of(settings.loraDropout()) : OptionalDouble.empty());
    }

    @Override
    public Optional<PairAtRest> atRest(LoraModule module, GroupSettings settings, AdapterSnapshot values) {
        return module.isTable()
                ? Optional.empty()
                : Optional.of(new PairAtRest(
                        values.view(module.loraA()),
                        values.view(module.loraB()),
                        module.scaling(settings.rankStabilized())));
    }

    @Override
    public void merge(
            LoraModule module, GroupSettings settings, AdapterSnapshot values, float[] weight, DoubleConsumer out) {
        if (module.isTable()) {
            TablePair.merge(module, settings, values, weight, out);
            return;
        }
        merge(module, atRest(module, settings, values).orElseThrow(), r -> 1, weight, out);
    }

    /** All rows of {@link #mergeRow}. */
    static void merge(LoraModule module, PairAtRest pair, IntToDoubleFunction e, float[] weight, DoubleConsumer out) {
        double[] merged = new double[module.inFeatures()];
        for (int row = 0; row < module.outFeatures(); row++) {
            mergeRow(pair, e, weight, row, merged);
            Arrays.stream(merged).forEach(out);
        }
    }

    /** One row of W + B diag(E) A · scaling, in double precision. */
    static void mergeRow(PairAtRest pair, IntToDoubleFunction e, float[] weight, int row, double[] merged) {
        int in = merged.length;
        int rank = pair.a().length / in;
        Arrays.fill(merged, 0.0);
        for (int r = 0; r < rank; r++) {
            double factor = pair.b()[row * rank + r] * e.applyAsDouble(r);
            for (int i = 0; i < in; i++) {
                merged[i] += factor * pair.a()[r * in + i];
            }
        }
        for (int i = 0; i < in; i++) {
            merged[i] = weight[row * in + i] + merged[i] * pair.scaling();
        }
    }

    /**
     * A and B of one module in one pass.
     *
     * @param path module path, which names the dropout masks
     * @param scaling a [1] constant
     * @param dropout probability; empty for a pair that does not train, which may be merged into its weight
     */
    record Pair(String path, Variable a, Variable b, NDArray scaling, OptionalDouble dropout) implements Layer {

        @Override
        public Variable forward(Variable x, Variable weight, @Nullable Variable bias, KeyedDropout masks) {
            Precision precision = x.precision();
            // A merged weight in bfloat16 would lose most of B A to rounding.
            if (precision == Precision.FLOAT32 && isCheaperMerged(x.shape().get(0))) {
                NDArray merged = merged(weight.array(), x.manager());
                return x.linear(x.graph().constant(merged), bias, null);
            }
            Variable narrow = masks.apply(x.to(Precision.FLOAT32), mask(), dropout.orElse(0.0))
                    .linear(a, null, null)
                    .times(scaling);
            Variable base = x.linear(weight, bias, null);
            return narrow.linear(b, null, base.to(Precision.FLOAT32)).to(precision);
        }

        @Override
        public List<Variable> parameters() {
            return List.of(a, b);
        }

        /** Merging takes in · out multiply-adds for each of the r columns, the pair tokens · (in + out). */
        private boolean isCheaperMerged(long tokens) {
            long in = a.array().getShape().get(1);
            long out = b.array().getShape().get(0);
            return dropout.isEmpty() && tokens * (in + out) > in * out;
        }

        @Override
        public NDArray merged(NDArray weight, NDManager manager) {
            NDArray product = b.array().matMul(a.array());
            product.attach(manager);
            // The weight second: a result belongs to the manager of its first operand.
            return product.mul(scaling).add(weight);
        }

        @Override
        public NDArray dot(LinearByHead linear, NDArray query, NDArray x) {
            NDArray byInput = linear.queryTimesWeight(query);
            NDArray ofBias = linear.queryTimesBias(query);
            NDArray narrow =
                    query.matMul(linear.rows(b.array(), query.getManager())).mul(scaling);
            NDArray dropped = drop(x, linear.masks());
            if (dropped == x) {
                return LinearByHead.products(byInput.add(narrow.matMul(a.array())), x)
                        .add(ofBias);
            }
            NDArray ofPair = LinearByHead.products(narrow, Ops.linear(dropped, a.array(), null));
            return LinearByHead.products(byInput, x).add(ofBias).add(ofPair);
        }

        @Override
        public NDArray weigh(LinearByHead linear, NDArray weights, NDArray x) {
            NDArray mean = linear.mean(weights, x);
            NDArray base = linear.weighMean(weights, mean);
            NDArray dropped = drop(x, linear.masks());
            NDArray narrow = dropped == x
                    ? Ops.linear(mean, a.array(), null)
                    : weights.matMul(Ops.linear(dropped, a.array(), null)).transpose(1, 0, 2);
            NDArray rows = linear.rows(b.array(), weights.getManager());
            return base.add(narrow.mul(scaling).matMul(rows.transpose(0, 2, 1)));
        }

        /** What A reads of x: x itself unless it drops out. */
        NDArray drop(NDArray x, KeyedDropout masks) {
            return masks.apply(x, mask(), dropout.orElse(0.0));
        }

        String mask() {
            return path + ".lora_dropout";
        }
    }
}
