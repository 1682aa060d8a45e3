package org.sparklora.worker.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.Precision;

/**
 * Attention that does not keep its scores: backward computes them again.
 *
 * <p>In float32 by PyTorch's flash attention for processors, block by block; it keeps its result and the logarithm of each
 * softmax's sum. That kernel is slow in bfloat16 (at 8 x 128 tokens 54 ms instead of 12), and it knows no dropout mask. There,
 * scores are two products and a float32 softmax, of one layer at a time.
 */
final class AttentionFunction extends Function {

    private final List<Variable> operands;
    private final String method;
    private final List<NDArray> kept = new ArrayList<>();
    private final NDArray heads;

    private AttentionFunction(List<Variable> operands, String method, List<NDArray> kept, NDArray heads) {
        super(operands.get(0).graph());
        this.operands = operands;
        this.method = method;
        this.heads = heads;
        operands.forEach(operand -> this.kept.add(save(operand.raw())));
        kept.forEach(array -> this.kept.add(save(array)));
    }

    static Variable apply(
            Variable query, Variable key, Variable value, NDArray mask, int heads, @Nullable NDArray dropout) {
        boolean flash = dropout == null && query.precision() == Precision.FLOAT32;
        String method = flash ? "flash_attention" : dropout == null ? "plain_attention" : "dropped_attention";
        NDArray count = Script.number(heads);
        NDArray[] arguments = Stream.of(query.raw(), key.raw(), value.raw(), mask, count, dropout)
                .filter(Objects::nonNull)
                .toArray(NDArray[]::new);
        NDList results = Script.callForAll(query.manager(), method, arguments);
        List<NDArray> kept = Stream.of(mask, dropout, flash ? results.get(0) : null, flash ? results.get(1) : null)
                .filter(Objects::nonNull)
                .toList();
        return query.graph()
                .result(
                        results.get(0),
                        query.precision(),
                        () -> new AttentionFunction(List.of(query, key, value), method + "_backward", kept, count),
                        query,
                        key,
                        value);
    }

    @Override
    void backward(NDArray gradient) {
        List<NDArray> arguments = new ArrayList<>(List.of(gradient, heads));
        arguments.addAll(kept);
        NDList gradients = Script.callForAll(graph().manager(), method, arguments.toArray(NDArray[]::new));
        for (int i = 0; i < operands.size(); i++) {
            if (operands.get(i).isTracked()) {
                operands.get(i).addGradient(gradients.get(i));
            } else {
                gradients.get(i).close();
            }
        }
    }
}
