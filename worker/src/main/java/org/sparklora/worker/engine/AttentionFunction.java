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

    private AttentionFunction(List<Variable> operands, NDList parts, String method, List<NDArray> kept, NDArray heads) {
        super(operands.get(0).graph());
        this.operands = operands;
        this.method = method;
        this.heads = heads;
        parts.forEach(part -> this.kept.add(save(part)));
        kept.forEach(array -> this.kept.add(save(array)));
    }

    /** Of query, key and value: three operands [B·S, N·D], or one [B·S, 3·N·D] that holds them side by side. */
    static Variable apply(List<Variable> operands, NDArray mask, int heads, @Nullable NDArray dropout) {
        Variable first = operands.get(0);
        NDList parts = operands.size() == 1
                ? first.raw().split(3, 1)
                : new NDList(operands.stream().map(Variable::raw).toList());
        boolean flash = dropout == null && first.precision() == Precision.FLOAT32;
        String method = flash ? "flash_attention" : dropout == null ? "plain_attention" : "dropped_attention";
        NDArray count = Script.number(heads);
        NDArray[] arguments = Stream.of(parts.get(0), parts.get(1), parts.get(2), mask, count, dropout)
                .filter(Objects::nonNull)
                .toArray(NDArray[]::new);
        NDList results = Script.callForAll(first.manager(), method, arguments);
        List<NDArray> kept = Stream.of(mask, dropout, flash ? results.get(0) : null, flash ? results.get(1) : null)
                .filter(Objects::nonNull)
                .toList();
        return first.graph()
                .result(
                        results.get(0),
                        first.precision(),
                        () -> new AttentionFunction(operands, parts, method + "_backward", kept, count),
                        operands.toArray(Variable[]::new));
    }

    @Override
    void backward(NDArray gradient) {
        List<NDArray> arguments = new ArrayList<>(List.of(gradient, heads));
        arguments.addAll(kept);
        NDList gradients = Script.callForAll(graph().manager(), method, arguments.toArray(NDArray[]::new));
        if (operands.size() == 1) {
            try (gradients) {
                operands.get(0)
                        .addGradient(Script.call(graph().manager(), "side_by_side", gradients.toArray(NDArray[]::new)));
            }
            return;
        }
        for (int i = 0; i < operands.size(); i++) {
            give(operands.get(i), gradients.get(i));
        }
    }
}
