package org.sparklora.worker.lora;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import org.sparklora.worker.engine.KeyedDropout;
import org.sparklora.worker.engine.Ops;

/**
 * A frozen Linear plus a low-rank delta: y = x Wᵀ + b + (drop(x) Aᵀ · scaling) Bᵀ.
 *
 * <p>x [M, in], A [r, in], B [out, r], y [M, out] (PEFT's shapes). The scaling is applied to the narrow product, r
 * columns instead of out. With B = 0 the result equals the base layer. Hu et al. 2021, arXiv:2106.09685, section 4.1.
 *
 * @param path module path, which names the dropout masks
 * @param a A
 * @param b B
 * @param scaling a [1] constant
 * @param live whether the pair trains
 * @param dropout probability while it does
 */
public record LoraLinear(String path, NDArray a, NDArray b, NDArray scaling, boolean live, double dropout) {

    /**
     * Whether merging this pair into the weight is cheaper than computing it for so many tokens: in · out against tokens ·
     * (in + out) for each of the r columns. A pair that trains is never merged.
     */
    public boolean mergesFor(long tokens) {
        long in = a.getShape().get(1);
        long out = b.getShape().get(0);
        return !live && tokens * (in + out) > in * out;
    }

    /** The result of the base Linear, [M, out], with the delta of x [M, in] added; a new array. */
    public NDArray addTo(NDArray base, NDArray x, KeyedDropout masks) {
        NDArray narrow = Ops.linear(drop(x, masks), a, null).mul(scaling);
        // Bᵀ laid out in rows, a copy of r · out values: with it the products of backward run along the M rows of what
        // they
        // read, as forward does, and take a third of the time (PairMicro).
        long out = b.getShape().get(0);
        NDArray rows = b.transpose(1, 0).flatten().reshape(new Shape(-1, out));
        return Ops.addProduct(base, narrow, rows);
    }

    /** What A reads of x: x itself unless it drops out. */
    NDArray drop(NDArray x, KeyedDropout masks) {
        return masks.apply(x, path + ".lora_dropout", dropout);
    }

    /** W + B A · scaling, [out, in], owned by {@code manager}: the weight of one Linear that computes the same. */
    public NDArray mergedInto(NDArray weight, NDManager manager) {
        NDArray product = b.matMul(a);
        product.attach(manager);
        // The weight second: a result belongs to the manager of its first operand.
        return product.mul(scaling).add(weight);
    }
}
