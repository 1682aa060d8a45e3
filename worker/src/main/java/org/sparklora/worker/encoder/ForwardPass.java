package org.sparklora.worker.encoder;

import ai.djl.ndarray.NDArray;
import org.sparklora.worker.contract.DropoutRates;
import org.sparklora.worker.engine.KeyedDropout;
import org.sparklora.worker.lora.LinearByHead;

/**
 * One way through an encoder: the parameters and the dropout it is made with. The frozen prefix and the rest of a
 * training step are two passes with the same parameters: the prefix never drops out.
 */
public record ForwardPass(Parameters parameters, KeyedDropout dropout, DropoutRates rates) {

    /** A pass without dropout. */
    public static ForwardPass evaluation(Parameters parameters) {
        return new ForwardPass(parameters, KeyedDropout.OFF, DropoutRates.NONE);
    }

    /** The weight of this Hugging Face name, trained or frozen. */
    public NDArray weight(String name) {
        return parameters.get(name);
    }

    /** The Linear of this module path, with its LoRA pair and that pair's dropout. x [M, in]; result [M, out]. */
    public NDArray linear(String path, NDArray x) {
        return parameters.linear(path, x, dropout);
    }

    /** The Linear of keys or values, for one query a row; see there for shapes. */
    public LinearByHead byHead(String path, int heads) {
        return new LinearByHead(
                weight(path + ".weight"), weight(path + ".bias"), parameters.lora(path), heads, dropout);
    }

    /**
     * Dropout of hidden states [M, H], named by the place it happens at: the mask is a function of that name and the
     * step.
     */
    public NDArray dropHidden(NDArray x, String place) {
        return dropout.apply(x, place, rates.hidden());
    }

    /** Whether attention probabilities drop out, and so have to be there one by one. */
    public boolean dropsAttention() {
        return dropout.drops(rates.attention());
    }

    /** Dropout of attention probabilities [B, N, S, S], or [B, N, S] where one query asks, named by the place. */
    public NDArray dropAttention(NDArray x, String place) {
        return dropout.apply(x, place, rates.attention());
    }

    /** Dropout of what a Linear of the head reads, [M, H], named by the place. */
    public NDArray dropHead(NDArray x, String place) {
        return dropout.apply(x, place, rates.head());
    }
}
