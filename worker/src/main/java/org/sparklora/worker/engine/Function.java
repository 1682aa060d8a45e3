package org.sparklora.worker.engine;

import ai.djl.ndarray.NDArray;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A differentiable operation that a {@link Graph} has recorded, as {@code torch.autograd.Function}: it holds what backward
 * needs, and nothing else, until backward has passed it.
 */
abstract class Function {

    private final Graph graph;
    private final List<NDArray> saved = new ArrayList<>();

    Function(Graph graph) {
        this.graph = graph;
    }

    /** Adds to the gradients of the operands. The gradient of the result is the graph's and stays as it is. */
    abstract void backward(NDArray gradient);

    /** Adds a gradient of its own to an operand, or closes it where nothing needs it. */
    static void give(@Nullable Variable operand, NDArray gradient) {
        if (operand != null && operand.isTracked()) {
            operand.addGradient(gradient);
        } else {
            gradient.close();
        }
    }

    final Graph graph() {
        return graph;
    }

    /** Keeps an array until backward has run. The layer that made it may close its own handle. */
    final NDArray save(NDArray array) {
        return keep(graph.share(array));
    }

    /** The same with the handle itself, which now belongs to the graph. */
    final NDArray keep(NDArray handle) {
        handle.attach(graph.manager());
        saved.add(handle);
        return handle;
    }

    final void free() {
        saved.forEach(NDArray::close);
    }
}
