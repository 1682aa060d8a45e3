package org.sparklora.worker.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import java.util.List;
import org.sparklora.worker.contract.Precision;

/** A piece that PyTorch's autograd differentiates. Its graph begins at a leaf of its own for each operand with a gradient. */
final class TracedFunction extends Function {

    private final List<Variable> operands;
    private final List<NDArray> leaves;
    private final NDArray result;

    private TracedFunction(Graph graph, List<Variable> operands, List<NDArray> leaves, NDArray result) {
        super(graph);
        this.operands = operands;
        this.leaves = leaves;
        this.result = result;
        for (int i = 0; i < leaves.size(); i++) {
            if (operands.get(i).isTracked()) {
                keep(leaves.get(i));
            }
        }
        keep(result);
    }

    static Variable apply(Variable.Traced computation, List<Variable> parameters, List<Variable> operands) {
        Graph graph = operands.get(0).graph();
        List<NDArray> leaves = operands.stream().map(TracedFunction::leaf).toList();
        NDArray result;
        JniUtils.setGradMode(graph.isRecording());
        try {
            result = computation.of(leaves);
        } finally {
            JniUtils.setGradMode(false);
        }
        if (!graph.tracks(operands) && !graph.tracks(parameters)) {
            return graph.constant(result);
        }
        NDManager manager = result.getManager();
        NDArray values = graph.share(result);
        values.attach(manager);
        return graph.record(values, Precision.FLOAT32, new TracedFunction(graph, operands, leaves, result));
    }

    private static NDArray leaf(Variable operand) {
        if (!operand.isTracked()) {
            return operand.array();
        }
        NDArray leaf = operand.graph().share(operand.array());
        // Results belong to the manager of their first operand, and shall not outlive their layer.
        leaf.attach(operand.array().getManager());
        leaf.setRequiresGradient(true);
        return leaf;
    }

    @Override
    void backward(NDArray gradient) {
        JniUtils.backward((PtNDArray) result, (PtNDArray) gradient, false, false);
        for (int i = 0; i < leaves.size(); i++) {
            if (operands.get(i).isTracked()) {
                NDArray ofLeaf = JniUtils.getGradient((PtNDArray) leaves.get(i));
                if (ofLeaf != null) {
                    operands.get(i).addGradient(ofLeaf);
                }
            }
        }
    }
}
