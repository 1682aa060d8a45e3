package org.sparklora.worker.lora;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.Optional;
import org.sparklora.worker.engine.KeyedDropout;
import org.sparklora.worker.engine.Ops;

/**
 * A Linear whose results are the keys or values of N attention heads, for attention of one query a row: the weight is
 * multiplied with the query, or with the mean of the inputs, instead of with every token.
 *
 * <p>Products are associative: q · (W x + b) = (q W) · x + q · b, and Σ p (W x + b) = W Σ p x + b Σ p. For S tokens that
 * takes 2 N S H operations instead of 2 S H². The same holds for the LoRA pair, unless its inputs drop out: then A is
 * multiplied with every token, as its masks differ from the weight's.
 *
 * @param weight W [N·D, H], head by head
 * @param bias b [N·D]
 * @param pair the LoRA pair, if there is one
 * @param heads N
 * @param masks the pass's dropout
 */
public record LinearByHead(NDArray weight, NDArray bias, Optional<LoraLinear> pair, int heads, KeyedDropout masks) {

    /** The keys' products with a query of each row. query [N, B, D], x [B, S, H]; result [B, N, S]. */
    public NDArray dot(NDArray query, NDArray x) {
        NDManager manager = query.getManager();
        NDArray byInput = query.matMul(rows(weight, manager));
        NDArray ofBias = query.matMul(columns(bias, manager)).transpose(1, 0, 2);
        if (pair.isEmpty()) {
            return products(byInput, x).add(ofBias);
        }
        LoraLinear lora = pair.get();
        NDArray narrow = query.matMul(rows(lora.b(), manager)).mul(lora.scaling());
        NDArray dropped = lora.drop(x, masks);
        if (dropped == x) {
            return products(byInput.add(narrow.matMul(lora.a())), x).add(ofBias);
        }
        NDArray ofPair = products(narrow, Ops.linear(dropped, lora.a(), null));
        return products(byInput, x).add(ofBias).add(ofPair);
    }

    /** Each vector of a row with each token's: [N, B, M] and [B, S, M] to [B, N, S]. */
    private static NDArray products(NDArray vectors, NDArray tokens) {
        return vectors.transpose(1, 0, 2).matMul(tokens.transpose(0, 2, 1));
    }

    /** The values' sum by weights of each row. weights [B, N, S], x [B, S, H]; result [B, N·D]. */
    public NDArray weigh(NDArray weights, NDArray x) {
        NDManager manager = weights.getManager();
        NDArray mean = weights.matMul(x).transpose(1, 0, 2);
        NDArray mass = weights.sum(new int[] {2}, true).transpose(1, 0, 2);
        NDArray ofBias = mass.mul(columns(bias, manager).transpose(0, 2, 1));
        NDArray sum = mean.matMul(rows(weight, manager).transpose(0, 2, 1)).add(ofBias);
        if (pair.isPresent()) {
            LoraLinear lora = pair.get();
            NDArray dropped = lora.drop(x, masks);
            NDArray narrow = dropped == x
                    ? Ops.linear(mean, lora.a(), null)
                    : weights.matMul(Ops.linear(dropped, lora.a(), null)).transpose(1, 0, 2);
            sum = sum.add(
                    narrow.mul(lora.scaling()).matMul(rows(lora.b(), manager).transpose(0, 2, 1)));
        }
        return sum.transpose(1, 0, 2).reshape(new Shape(x.getShape().get(0), -1));
    }

    /** [N·D, M] to [N, D, M]. */
    private NDArray rows(NDArray matrix, NDManager manager) {
        return view(matrix, matrix.getShape().get(1), manager);
    }

    /** [N·D] to [N, D, 1]. */
    private NDArray columns(NDArray vector, NDManager manager) {
        return view(vector, 1, manager);
    }

    /** A view belongs to the manager of what it shows, which for a weight of the base is everybody's. */
    private NDArray view(NDArray of, long last, NDManager manager) {
        NDArray view = of.reshape(new Shape(heads, -1, last));
        view.attach(manager);
        return view;
    }
}
