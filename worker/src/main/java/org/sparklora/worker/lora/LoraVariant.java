package org.sparklora.worker.lora;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.DoubleConsumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.ModuleTensors;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.engine.KeyedDropout;
import org.sparklora.worker.engine.Variable;

/**
 * One way to adapt a frozen Linear, or a table of embeddings, with a few trainable values. A variant is one class, and it answers everything that
 * differs between variants:
 *
 * <ul>
 *   <li>which settings choose it: {@link #settings}
 *   <li>which tensors it trains and saves, and their PEFT names: {@link #tensors}, {@link #saved}, {@link #peftSettings}
 *   <li>how they start: {@link #initialValues}, {@link #changesOutput}
 *   <li>whether they replace the weight: {@link #residual}, {@link #constants}, {@link #saved}
 *   <li>what forward computes: {@link #layer}
 *   <li>what the merged weight is: {@link Layer#merged} for prediction, {@link #merge} for export
 *   <li>what it costs: {@link #multiplyAdds}, {@link #multiplyAddsOfPass}, {@link #savedValues}, {@link #residualValues}; its parameters are the sizes of its tensors
 * </ul>
 *
 * <p>What a variant does not say is as in {@link PlainLora}.
 *
 * <p>To add a variant, implement this interface in an enum with one constant, or in a record of its settings (a manifest is
 * serialized and compared), and let {@link LoraVariants} choose it.
 */
public interface LoraVariant extends ModuleTensors {

    /** The variant of a run. */
    static LoraVariant of(LoraManifest manifest) {
        return (LoraVariant) manifest.variant();
    }

    /** The settings from which {@link LoraVariants#of} makes this variant, without defaults; empty for plain LoRA. */
    Map<String, Object> settings();

    /** Keys of adapter_config.json that tell PEFT which variant this is. */
    default Map<String, Object> peftSettings() {
        return Map.of("peft_type", "LORA", "init_lora_weights", true);
    }

    @Override
    default List<TensorSpec> tensors(LoraModule module) {
        return List.of(
                new TensorSpec(module.loraA(), List.of(module.loraRank(), module.inFeatures())),
                new TensorSpec(module.loraB(), List.of(module.outFeatures(), module.loraRank())));
    }

    /** Why groups cannot have this variant in a run of this many optimizer steps, one line each. */
    default List<String> problems(List<LoraGroup> groups, long steps) {
        return List.of();
    }

    /** The same variant for a run of this many optimizer steps. */
    default LoraVariant during(long steps) {
        return this;
    }

    /**
     * Groups and values in the form in which a run's result is saved and read.
     *
     * @param values of every tensor whose group is not dormant
     */
    default Saved saved(LoraManifest manifest, AdapterSnapshot values) {
        return new Saved(manifest, values);
    }

    /** A result as it is saved. */
    record Saved(LoraManifest manifest, AdapterSnapshot values) {}

    /**
     * First values of the module's tensors and constants: a function of the seed, their names and the base. The driver
     * computes them when the group first thaws.
     *
     * @param weight the module's weight
     */
    Map<String, float[]> initialValues(LoraModule module, GroupSettings settings, long seed, BaseWeight weight);

    /**
     * Whether a module with these values computes anything else than the base module.
     *
     * @param values of all the module's tensors, or of none of them
     * @param weight the module's weight [out, in] in float32, row-major; read when asked for
     */
    boolean changesOutput(LoraModule module, AdapterSnapshot values, Supplier<float[]> weight);

    /** Multiply-adds that forward takes for one input vector, beside those of the base Linear. */
    default long multiplyAdds(LoraModule module, boolean dropsOut) {
        // A row of a table is looked up.
        return (long) module.loraRank() * ((module.isTable() ? 0 : module.inFeatures()) + module.outFeatures());
    }

    /** Multiply-adds that forward takes once a pass, however many vectors it has, and that no gradient goes through. */
    default long multiplyAddsOfPass(LoraModule module) {
        return 0;
    }

    /**
     * float32 values that autograd saves for one input vector until backward, beside those of the base Linear: the narrow
     * product; with dropout on the input of A, also the mask and the dropped input.
     */
    default long savedValues(LoraModule module, boolean dropsOut) {
        return module.loraRank() + (dropsOut && !module.isTable() ? 2L * module.inFeatures() : 0);
    }

    /** float32 values of the {@link #residual} of a module, which all tasks of a JVM share; 0 without one. */
    default long residualValues(LoraModule module) {
        return 0;
    }

    /** What an initialized module has as its weight instead of the base's own, if it has taken a part out of that. */
    default Optional<Residual> residual(LoraModule module, GroupSettings settings, AdapterSnapshot values) {
        return Optional.empty();
    }

    /**
     * Binds a module to the arrays of one pass.
     *
     * @param trains whether the module's group is trainable; only then do its inputs drop out
     * @param arrays the arrays of the module's tensors
     */
    Layer layer(LoraModule module, GroupSettings settings, boolean trains, AdapterRegistry arrays);

    /**
     * What an initialized module adds to its base Linear while it does not train; empty if that is not a plain pair, and for a
     * table of embeddings.
     */
    default Optional<PairAtRest> atRest(LoraModule module, GroupSettings settings, AdapterSnapshot values) {
        return Optional.empty();
    }

    /**
     * The values of y = x Aᵀ · scaling · Bᵀ, row-major.
     *
     * @param a [r, in]; do not change it
     * @param b [out, r]; do not change it
     */
    @SuppressWarnings("ArrayRecordComponent") // pairs are never compared
    record PairAtRest(float[] a, float[] b, double scaling) {}

    /**
     * Merges a module into its weight in double precision, for export.
     *
     * @param weight [out, in], or the table [in, out], row-major
     * @param out receives the merged weight, row-major, not yet rounded
     */
    void merge(LoraModule module, GroupSettings settings, AdapterSnapshot values, float[] weight, DoubleConsumer out);

    /** An adapted module in one pass. Owns no array. Not thread-safe. */
    interface Layer {

        /** Why a table has neither {@link #dot} nor {@link #weigh}. */
        String NO_LINEAR = "only a Linear is multiplied by head";

        /**
         * The adapted Linear. x [M, in] and weight [out, in] in one precision, bias [out], or null for none; result [M, out] in
         * that precision.
         *
         * <p>Of a table of embeddings, x holds ids [M] int64, and weight is the table [in, out]; result [M, out] in float32, owned
         * by the manager of ids.
         */
        Variable forward(Variable x, Variable weight, @Nullable Variable bias, KeyedDropout masks);

        /** The tensors of the module. */
        List<Variable> parameters();

        /** The weight of one module that computes the same in float32, in the shape of weight; owned by {@code manager}. */
        NDArray merged(NDArray weight, NDManager manager);

        /** {@link LinearByHead#dot} of the adapted Linear. */
        default NDArray dot(LinearByHead linear, NDArray query, NDArray x) {
            throw new UnsupportedOperationException(NO_LINEAR);
        }

        /** {@link LinearByHead#weigh} of the adapted Linear, as [N, B, D]. */
        default NDArray weigh(LinearByHead linear, NDArray weights, NDArray x) {
            throw new UnsupportedOperationException(NO_LINEAR);
        }
    }
}
