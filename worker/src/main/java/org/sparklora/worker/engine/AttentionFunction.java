package org.sparklora.worker.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;

/**
 * PyTorch's flash attention for processors. Keeps query, key, value, result, and the logarithm of each softmax's sum; backward
 * computes the scores again, block by block.
 */
final class AttentionFunction extends Function {

    private final Variable query;
    private final Variable key;
    private final Variable value;
    private final NDArray[] arguments;

    private AttentionFunction(
            Variable query, Variable key, Variable value, NDArray mask, NDArray heads, NDArray context, NDArray sums) {
        super(query.graph());
        this.query = query;
        this.key = key;
        this.value = value;
        this.arguments = new NDArray[] {
            save(query.array()), save(key.array()), save(value.array()), save(mask), heads, save(context), save(sums)
        };
    }

    static Variable apply(Variable query, Variable key, Variable value, NDArray mask, int heads) {
        Graph graph = query.graph();
        NDArray count = Script.number(heads);
        NDList results = Script.callForAll(
                query.array().getManager(), "attention", query.array(), key.array(), value.array(), mask, count);
        return graph.result(
                results.get(0),
                () -> new AttentionFunction(query, key, value, mask, count, results.get(0), results.get(1)),
                query,
                key,
                value);
    }

    @Override
    void backward(NDArray gradient) {
        NDArray[] all = new NDArray[arguments.length + 1];
        all[0] = gradient;
        System.arraycopy(arguments, 0, all, 1, arguments.length);
        NDList gradients = Script.callForAll(graph().manager(), "attention_backward", all);
        Variable[] operands = {query, key, value};
        for (int i = 0; i < operands.length; i++) {
            if (operands[i].isTracked()) {
                operands[i].addGradient(gradients.get(i));
            } else {
                gradients.get(i).close();
            }
        }
    }
}
