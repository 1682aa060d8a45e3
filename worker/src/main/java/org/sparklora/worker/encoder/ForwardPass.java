package org.sparklora.worker.encoder;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.DropoutRates;
import org.sparklora.worker.engine.KeyedDropout;
import org.sparklora.worker.engine.Variable;
import org.sparklora.worker.lora.LinearByHead;
import org.sparklora.worker.lora.LoraVariant;

/**
 * One pass through an encoder: its parameters and its dropout. The frozen trunk and the rest of a training step are two
 * passes with the same parameters, because the trunk never drops out.
 */
public record ForwardPass(Parameters parameters, KeyedDropout dropout, DropoutRates rates) {

    /** A pass without dropout. */
    public static ForwardPass evaluation(Parameters parameters) {
        return new ForwardPass(parameters, KeyedDropout.OFF, DropoutRates.NONE);
    }

    /** The same pass with other dropout masks under the same names, for what a layer applies to more than its tokens. */
    public ForwardPass apart(String use) {
        return new ForwardPass(parameters, dropout.apart(use), rates);
    }

    /** An array of the pass without a gradient. */
    public Variable constant(NDArray array) {
        return parameters.graph().constant(array);
    }

    /** The weight of this Hugging Face name, trained or frozen. */
    public Variable weight(String name) {
        return parameters.get(name);
    }

    /** The Linear of this module path, with its LoRA layer and that layer's dropout. x [M, in]; result [M, out]. */
    public Variable linear(String path, Variable x) {
        Variable weight = weight(path + ".weight");
        Variable bias = bias(path);
        Optional<LoraVariant.Layer> lora = parameters.lora(path);
        return lora.isPresent() ? lora.get().forward(x, weight, bias, dropout) : x.linear(weight, bias, null);
    }

    /**
     * Rows of the table of embeddings of this module path, with its LoRA layer: ids [M] int64; result [M, H] float32, owned by the
     * manager of ids.
     */
    public Variable rows(String path, NDArray ids) {
        Variable table = weight(path + ".weight");
        return parameters
                .lora(path)
                .map(lora -> lora.forward(constant(ids), table, null, dropout))
                .orElseGet(() -> table.rows(ids));
    }

    /** x in the precision that the weight of a Linear is held in: that of a layer is that of its weights. */
    public Variable inPrecisionOf(String path, Variable x) {
        return x.to(weight(path + ".weight").precision());
    }

    /** The layer normalization of this path: x [M, H] to [M, H]. */
    public Variable normalize(String path, Variable x, double eps) {
        return x.layerNorm(weight(path + ".weight"), bias(path), eps);
    }

    /** The bias of a module; null if it has none. */
    private @Nullable Variable bias(String path) {
        return parameters.find(path + ".bias").orElse(null);
    }

    /** The sum of {@link #linear} and other [M, out]: in one product, if the module has no LoRA layer. */
    public Variable linearPlus(String path, Variable x, Variable other) {
        return parameters.lora(path).isPresent()
                ? linear(path, x).plus(other)
                : x.linear(weight(path + ".weight"), bias(path), other);
    }

    /** GELU of {@link #linear}. */
    public Variable linearWithGelu(String path, Variable x, HiddenActivation activation) {
        return parameters.lora(path).isPresent()
                ? linear(path, x).gelu(activation.form())
                : x.linearWithGelu(weight(path + ".weight"), bias(path), activation.form());
    }

    /** The Linear of keys or values, for one query per row; see {@link LinearByHead} for shapes. */
    public LinearByHead byHead(String path, int heads) {
        return new LinearByHead(
                weight(path + ".weight"), weight(path + ".bias"), parameters.lora(path), heads, dropout);
    }

    /**
     * Dropout of hidden states [M, H]. The name identifies the dropout layer: the mask is a function of that name and the
     * step.
     */
    public Variable dropHidden(Variable x, String name) {
        return dropout.apply(x, name, rates.hidden());
    }

    /** Whether hidden states drop out. */
    public boolean dropsHidden() {
        return dropout.drops(rates.hidden());
    }

    /** Factors of attention probabilities [B, N, S, S]; null if none drops out. */
    public @Nullable NDArray attentionDropout(NDManager manager, String name, long... shape) {
        return dropout.drops(rates.attention()) ? dropout.mask(manager, shape, name, rates.attention()) : null;
    }

    /** Dropout of attention probabilities [B, N, S] of one query per row. */
    public NDArray dropAttention(NDArray x, String name) {
        return dropout.apply(x, name, rates.attention());
    }

    /** Dropout of the input of one of the head's Linears, [M, H]. */
    public NDArray dropHead(NDArray x, String name) {
        return dropout.apply(x, name, rates.head());
    }
}
