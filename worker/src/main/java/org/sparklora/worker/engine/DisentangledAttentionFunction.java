package org.sparklora.worker.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Disentangled attention (He et al. 2020, arXiv:2006.03654, section 3.1) that does not keep its scores: backward computes them
 * again, of one layer at a time.
 *
 * <p>A product of a token with a position depends on the distance alone. So {@code kernels.py} multiplies each token with the
 * 2 S − 1 distances, [N, B·S, 2 S − 1], and reads the scores [B, N, S, S] along the diagonals of that product: a view with
 * other strides. There is no gather, and its backward writes each value to one place. So nothing is added in an order that
 * could vary, as the scatter of a gather would.
 */
final class DisentangledAttentionFunction extends Function {

    private final List<Variable> operands;
    private final List<NDArray> kept;
    private final NDArray heads;

    private DisentangledAttentionFunction(List<Variable> operands, NDArray mask, NDArray dropout, NDArray heads) {
        super(operands.get(0).graph());
        this.operands = operands;
        this.heads = heads;
        // A number is shared by all threads and never closed.
        this.kept = Stream.concat(operands.stream().map(Variable::raw), Stream.of(mask, dropout))
                .map(array -> array == heads ? heads : save(array))
                .toList();
    }

    /** Of queries, keys, values, and the keys and queries of distances; see {@link Variable#disentangledAttention}. */
    static Variable apply(List<Variable> operands, NDArray mask, int heads, @Nullable NDArray dropout) {
        NDArray count = Script.number(heads);
        // In place of a mask, a number drops nothing.
        NDArray drops = dropout == null ? count : dropout;
        Variable query = operands.get(0);
        NDArray[] arguments = Stream.concat(operands.stream().map(Variable::raw), Stream.of(mask, count, drops))
                .toArray(NDArray[]::new);
        return query.graph()
                .result(
                        Script.call(query.manager(), "disentangled_attention", arguments),
                        query.precision(),
                        () -> new DisentangledAttentionFunction(operands, mask, drops, count),
                        operands.toArray(Variable[]::new));
    }

    @Override
    void backward(NDArray gradient) {
        NDManager manager = graph().manager();
        NDArray query = kept.get(0);
        NDArray key = kept.get(1);
        NDArray positionKeys = kept.get(3);
        NDArray positionQueries = kept.get(4);
        NDArray mask = kept.get(5);
        NDArray[] arguments = {
            gradient, query, key, kept.get(2), positionKeys, positionQueries, mask, heads, kept.get(6)
        };
        try (NDList results = Script.callForAll(manager, "disentangled_attention_backward", arguments)) {
            NDArray ofScores = results.get(1);
            NDArray transposed = results.get(2);
            add(0, "disentangled_to_tokens", ofScores, key, results.get(3), mask, heads);
            add(1, "disentangled_to_tokens", transposed, query, positionQueries, mask, heads);
            add(3, "disentangled_to_position_keys", ofScores, query, positionKeys, mask, heads);
            add(4, "disentangled_to_positions", transposed, key, positionQueries, mask, heads);
            if (operands.get(2).isTracked()) {
                operands.get(2).addGradient(graph().share(results.get(0)));
            }
        }
    }

    /** Computes the gradient of an operand, if it has one. */
    private void add(int operand, String method, NDArray... arguments) {
        if (operands.get(operand).isTracked()) {
            operands.get(operand).addGradient(Script.call(graph().manager(), method, arguments));
        }
    }
}
