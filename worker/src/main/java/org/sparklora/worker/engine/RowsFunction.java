package org.sparklora.worker.engine;

import ai.djl.ndarray.NDArray;

/**
 * Rows of a matrix by their numbers, in any order. The gradient of a row is the sum of those of its copies: PyTorch adds them one
 * after the other in the order of the numbers, on one thread, and so always to the same bits.
 */
final class RowsFunction extends Function {

    private final Variable x;
    private final NDArray shape;
    private final NDArray rows;

    private RowsFunction(Variable x, NDArray rows) {
        super(x.graph());
        this.x = x;
        this.shape = save(x.raw());
        this.rows = save(rows);
    }

    static Variable apply(Variable x, NDArray rows) {
        NDArray chosen = Script.call(x.manager(), "chosen_rows", x.raw(), rows);
        return x.graph().result(chosen, x.precision(), () -> new RowsFunction(x, rows), x);
    }

    @Override
    void backward(NDArray gradient) {
        x.addGradient(Script.call(graph().manager(), "chosen_rows_backward", gradient, rows, shape));
    }
}
