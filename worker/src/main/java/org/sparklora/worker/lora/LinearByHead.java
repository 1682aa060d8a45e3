package org.sparklora.worker.lora;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.sparklora.worker.engine.KeyedDropout;
import org.sparklora.worker.engine.Variable;

/**
 * A Linear that makes the keys or values of N attention heads, for attention with one query per row. It multiplies the
 * weight with the query, or with the mean of the inputs, instead of with every token.
 *
 * <p>Products are associative: q · (W x + b) = (q W) · x + q · b, and Σ p (W x + b) = W Σ p x + b Σ p. For S tokens that
 * takes 2 N S H operations instead of 2 S H². The same holds for a LoRA pair, unless its inputs drop out: A is then
 * multiplied with every token, because its masks differ from token to token.
 *
 * @param weight W [N·D, H], head by head
 * @param bias b [N·D]
 * @param lora the module's LoRA layer, if it has one
 * @param heads N
 * @param masks the pass's dropout
 */
public record LinearByHead(
        Variable weight, Variable bias, Optional<LoraVariant.Layer> lora, int heads, KeyedDropout masks) {

    /** The parameters that both computations read. */
    public List<Variable> parameters() {
        List<Variable> parameters = new ArrayList<>(List.of(weight, bias));
        lora.ifPresent(layer -> parameters.addAll(layer.parameters()));
        return parameters;
    }

    /** The dot products of the keys with one query per row. query [N, B, D], x [B, S, H]; result [B, N, S]. */
    public NDArray dot(NDArray query, NDArray x) {
        return lora.isPresent()
                ? lora.get().dot(this, query, x)
                : products(queryTimesWeight(query), x).add(queryTimesBias(query));
    }

    /** The weighted sums of the values of each row. weights [B, N, S], x [B, S, H]; result [B, N·D]. */
    public NDArray weigh(NDArray weights, NDArray x) {
        NDArray sum = lora.isPresent() ? lora.get().weigh(this, weights, x) : weighMean(weights, mean(weights, x));
        return sum.transpose(1, 0, 2).reshape(new Shape(x.getShape().get(0), -1));
    }

    /** q W by head, [N, B, H]. */
    NDArray queryTimesWeight(NDArray query) {
        return query.matMul(rows(weight.array(), query.getManager()));
    }

    /** q · b by head, [B, N, 1]. */
    NDArray queryTimesBias(NDArray query) {
        return query.matMul(columns(query.getManager())).transpose(1, 0, 2);
    }

    /** Each vector of a row with each token of that row: [N, B, M] and [B, S, M] to [B, N, S]. */
    static NDArray products(NDArray vectors, NDArray tokens) {
        return vectors.transpose(1, 0, 2).matMul(tokens.transpose(0, 2, 1));
    }

    /** The weighted sum of the inputs by head, [N, B, H]. */
    NDArray mean(NDArray weights, NDArray x) {
        return weights.matMul(x).transpose(1, 0, 2);
    }

    /** The base Linear of these sums, [N, B, D]. */
    NDArray weighMean(NDArray weights, NDArray mean) {
        NDManager manager = weights.getManager();
        NDArray mass = weights.sum(new int[] {2}, true).transpose(1, 0, 2);
        NDArray ofBias = mass.mul(columns(manager).transpose(0, 2, 1));
        return timesWeight(mean).add(ofBias);
    }

    /** W of these sums by head, without the bias: [N, B, H] to [N, B, D]. */
    NDArray timesWeight(NDArray mean) {
        return mean.matMul(rows(weight.array(), mean.getManager()).transpose(0, 2, 1));
    }

    /** [N·D, M] to [N, D, M]. */
    NDArray rows(NDArray matrix, NDManager manager) {
        return view(matrix, matrix.getShape().get(1), manager);
    }

    /** The bias as [N, D, 1]. */
    private NDArray columns(NDManager manager) {
        return view(bias.array(), 1, manager);
    }

    /** A view belongs to the manager of its array, which for a base weight is shared; this moves the view to the pass. */
    private NDArray view(NDArray of, long last, NDManager manager) {
        NDArray view = of.reshape(new Shape(heads, -1, last));
        view.attach(manager);
        return view;
    }
}
