package org.sparklora.worker.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.Precision;

/**
 * An array of a {@link Graph}. If it depends on a trainable tensor and the graph records, backward computes its gradient.
 *
 * <p>Results belong to the manager of the first operand's array, as in DJL. An array may be closed as soon as it was used:
 * the graph has handles of its own of what backward needs.
 */
public final class Variable {

    private final Graph graph;
    private final NDArray array;
    private final Precision precision;
    private final boolean tracked;
    private @Nullable NDArray gradient;

    /** This in the other precision, because several operations may ask for it. */
    private @Nullable Variable converted;

    Variable(Graph graph, NDArray array, Precision precision, boolean tracked) {
        this.graph = graph;
        this.array = array;
        this.precision = precision;
        this.tracked = tracked;
    }

    /**
     * The values.
     *
     * @throws IllegalStateException if they are bfloat16, which DJL cannot read: convert them
     */
    public NDArray array() {
        if (precision != Precision.FLOAT32) {
            throw new IllegalStateException("DJL cannot read bfloat16; ask for to(FLOAT32)");
        }
        return array;
    }

    /** The values in any precision, for what never asks for their type. */
    NDArray raw() {
        return array;
    }

    /** The type of the values, and of their gradient. */
    public Precision precision() {
        return precision;
    }

    /** The owner of the array. */
    public NDManager manager() {
        return array.getManager();
    }

    /** Gives the array to another owner. */
    public void attach(NDManager manager) {
        array.attach(manager);
    }

    /** The shape of the array. */
    public List<Integer> shape() {
        return Tensors.shape(array);
    }

    /** The same values in a precision; this itself if it has that one. */
    public Variable to(Precision wanted) {
        if (precision == wanted) {
            return this;
        }
        if (converted == null) {
            converted = ConvertFunction.apply(this, wanted);
        }
        return converted;
    }

    /** The graph of the pass. */
    public Graph graph() {
        return graph;
    }

    /** Whether backward computes a gradient. */
    public boolean isTracked() {
        return tracked;
    }

    /**
     * This [M, in] times weight [out, in], plus bias [out] and other [M, out], where they are given: [M, out]. All are of one
     * precision, except a bias, which may be float32.
     */
    public Variable linear(Variable weight, @Nullable Variable bias, @Nullable Variable other) {
        return LinearFunction.apply(this, weight, bias, other);
    }

    /** {@link #linear} and then {@link #gelu}; in one call where there is a bias and no gradient is needed. */
    public Variable linearWithGelu(Variable weight, @Nullable Variable bias, Gelu form) {
        if (bias != null && !graph.tracks(List.of(this, weight, bias))) {
            NDArray y = graph.products().linearWithGelu(array, weight.array, bias.array, form.approximate());
            if (y != null) {
                return new Variable(graph, y, precision, false);
            }
        }
        return linear(weight, bias, null).gelu(form);
    }

    /** GELU, element by element, any shape. */
    public Variable gelu(Gelu form) {
        return GeluFunction.apply(this, form, false);
    }

    /** GELU of the first half of each row, times the second half (GeGLU; Shazeer 2020, arXiv:2002.05202): [M, 2I] to [M, I]. */
    public Variable gatedGelu(Gelu form) {
        return GeluFunction.apply(this, form, true);
    }

    /**
     * Layer normalisation over the last axis: this [M, H], weight [H], bias [H], or null for none. Its sums are float32 in any
     * precision.
     */
    public Variable layerNorm(Variable weight, @Nullable Variable bias, double eps) {
        return LayerNormFunction.apply(this, weight, bias, eps);
    }

    /** The sum with an array of the same shape. */
    public Variable plus(Variable other) {
        return SumFunction.apply(this, other);
    }

    /** The product with an array without a gradient, element by element; a factor of shape [1] multiplies all elements. */
    public Variable times(NDArray factor) {
        return FactorFunction.apply(this, factor);
    }

    /** This [M, N] with each column times its factor of [N], plus other [N] or [M, N], if it is given; all in float32. */
    public Variable timesColumns(Variable factors, @Nullable Variable other) {
        return ColumnsFunction.apply(this, factors, other);
    }

    /**
     * Scaled dot-product attention that keeps no scores: softmax(Q Kᵀ / √D + mask) V by head. Query, key, value and result
     * [B·S, N·D], mask [B, 1, 1 or S, S], which is added to the scores and has no gradient. A query that sees no key sees all of
     * them alike; nothing may read it, because PyTorch's kernel has no gradient for that case.
     *
     * @param dropout factors of the probabilities [B, N, S, S]; null if nothing drops out
     */
    public static Variable attention(
            Variable query, Variable key, Variable value, NDArray mask, int heads, @Nullable NDArray dropout) {
        return AttentionFunction.apply(List.of(query, key, value), mask, heads, dropout);
    }

    /** The same where this [B·S, 3·N·D] holds query, key and value side by side, as one Linear makes them. */
    public Variable attention(NDArray mask, int heads, @Nullable NDArray dropout) {
        return AttentionFunction.apply(List.of(this), mask, heads, dropout);
    }

    /**
     * Rotary positions (Su et al. 2021, arXiv:2104.09864) of the queries and keys of this [B·S, 3·N·D], which holds query, key
     * and value side by side: at position s, the pair (xᵢ, xᵢ₊D/2) of each head is turned by the angle s · frequencies[i].
     *
     * @param length S
     * @param frequencies [D/2], in radians a position; no gradient
     */
    public Variable rotary(int length, NDArray frequencies) {
        return RotaryFunction.apply(this, length, frequencies);
    }

    /**
     * What a layer projects the distances between tokens to, for disentangled attention.
     *
     * @param keys [2S − 1, N·D], by the distance i − j of query i and key j, from 1 − S to S − 1
     * @param queries the same
     */
    public record RelativePositions(Variable keys, Variable queries) {}

    /**
     * Disentangled attention that keeps no scores. For query i and key j with distance d = i − j, the score is (q_i · k_j + q_i ·
     * keys_d + queries_d · k_j) / √(3 D) + mask_j. A query that is padding gets 0. Shapes are those of {@link #attention}.
     *
     * @param dropout factors of the probabilities [B, N, S, S]; null if nothing drops out
     */
    public static Variable disentangledAttention(
            Variable query,
            Variable key,
            Variable value,
            RelativePositions positions,
            NDArray mask,
            int heads,
            @Nullable NDArray dropout) {
        return DisentangledAttentionFunction.apply(
                List.of(query, key, value, positions.keys(), positions.queries()), mask, heads, dropout);
    }

    /** A computation of several operands in DJL's operations, which PyTorch's autograd differentiates as one piece. */
    @FunctionalInterface
    public interface Traced {
        NDArray of(List<NDArray> operands);
    }

    /**
     * Runs a computation that has no backward of its own here, in float32. What PyTorch saves for backward, and the result, stay
     * in memory until backward has run.
     *
     * @param parameters constants and leaves that the computation reads beside its operands
     */
    public static Variable traced(Traced computation, List<Variable> parameters, Variable... operands) {
        return TracedFunction.apply(
                computation,
                parameters,
                Stream.of(operands)
                        .map(operand -> operand.to(Precision.FLOAT32))
                        .toList());
    }

    /** The same with one operand and no parameters. */
    public Variable traced(UnaryOperator<NDArray> computation) {
        return traced(operands -> computation.apply(operands.get(0)), List.of(), this);
    }

    /** Rows of this table [V, H] in float32: ids [M] int64; result [M, H], owned by the manager of ids. */
    public Variable rows(NDArray ids) {
        if (tracked) {
            return traced(table -> JniUtils.embedding((PtNDArray) ids, (PtNDArray) table, false));
        }
        NDArray rows = JniUtils.embedding((PtNDArray) ids, (PtNDArray) array, false);
        if (precision == Precision.FLOAT32) {
            return graph.constant(rows);
        }
        try (rows) {
            return graph.constant(Script.call(ids.getManager(), "to_float32", rows));
        }
    }

    /** Columns of this [N, V], float32: ids [M] int64; result [M, N], owned by the manager of ids. */
    public Variable columns(NDArray ids) {
        return traced(table -> {
            try (NDArray rows = table.transpose()) {
                return JniUtils.embedding((PtNDArray) ids, (PtNDArray) rows, false);
            }
        });
    }

    /** Another handle of this array without a gradient, for two readers that each close what they read. */
    public Variable twin() {
        NDManager owner = manager();
        NDArray handle = graph.share(array);
        handle.attach(owner);
        return new Variable(graph, handle, precision, false);
    }

    /** Adds to the gradient and takes the array over. */
    void addGradient(NDArray more) {
        if (gradient == null) {
            more.attach(graph.manager());
            gradient = more;
            return;
        }
        NDArray sum = gradient.add(more);
        gradient.close();
        more.close();
        gradient = sum;
    }

    /** Adds what the gradient of a Linear gives to its operand, in one product. */
    void addProduct(NDArray ofResult, NDArray weight) {
        NDArray sum = graph.products().toInput(graph.manager(), ofResult, weight, gradient);
        if (gradient != null && gradient != sum) {
            gradient.close();
        }
        gradient = sum;
    }

    @Nullable
    NDArray takeGradient() {
        NDArray taken = gradient;
        gradient = null;
        return taken;
    }
}
