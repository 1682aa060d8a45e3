package org.sparklora.worker.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.Kernel;
import org.sparklora.worker.contract.Precision;

/**
 * One pass through a model on one thread: computes with {@linkplain Variable variables}, and while it records, remembers how
 * the gradient of each result goes back to its operands.
 *
 * <p>PyTorch's own autograd would do the same, but it has no formula for oneDNN's product, and its graph cannot be entered at
 * that product without keeping every operand in memory. So each operation has its backward here (see {@link Function}), and
 * what has none goes through PyTorch's autograd as one {@link Variable#traced} piece.
 *
 * <p>Call order: make leaves, compute the loss, {@link #backward}, then {@link #addGradient} of each leaf. Any number of
 * threads may have a graph at once.
 */
public final class Graph {

    private final NDManager manager;
    private final Products products;
    private final boolean recording;
    private final Deque<Step> steps = new ArrayDeque<>();

    private record Step(Variable result, Function function) {}

    private Graph(NDManager manager, Kernel kernel, boolean recording) {
        this.manager = manager;
        this.products = Products.of(kernel);
        this.recording = recording;
    }

    /**
     * A graph.
     *
     * @param manager owns leaves and gradients; the caller closes it after the pass
     * @param recording whether leaves get gradients
     */
    public static Graph of(NDManager manager, Kernel kernel, boolean recording) {
        return new Graph(manager, kernel, recording);
    }

    /** A float32 array without a gradient; it belongs to whom it belonged before. */
    public Variable constant(NDArray array) {
        return new Variable(this, array, Precision.FLOAT32, false);
    }

    /** The same of a tensor in bfloat16. */
    public Variable constant(Bfloat16 tensor) {
        return new Variable(this, tensor.array(), Precision.BFLOAT16, false);
    }

    /** The same of an array that its owner may close during the pass, which has a handle of its own. */
    public Variable borrowed(NDArray array) {
        return constant(share(array));
    }

    /** The same of a tensor in bfloat16. */
    public Variable borrowed(Bfloat16 tensor) {
        return new Variable(this, share(tensor.array()), Precision.BFLOAT16, false);
    }

    /** A tensor with these values, row-major. It is trainable if the graph records. */
    public Variable leaf(float[] values, List<Integer> shape) {
        NDArray array = Tensors.floats(manager, values, shape);
        // For traced pieces, which PyTorch's autograd differentiates.
        array.setRequiresGradient(recording);
        return new Variable(this, array, Precision.FLOAT32, recording);
    }

    /** Computes the gradients of all leaves from a loss of one value. What backward needs is freed on the way; runs once. */
    public void backward(Variable loss) {
        loss.addGradient(Tensors.floats(manager, new float[] {1f}, loss.shape()));
        while (!steps.isEmpty()) {
            Step step = steps.removeLast();
            try (NDArray gradient = step.result().takeGradient()) {
                if (gradient != null) {
                    step.function().backward(gradient);
                }
            }
            step.function().free();
        }
    }

    /**
     * Adds the gradient of a leaf, row-major, to as many values of {@code target} from {@code offset} on; a leaf that the
     * loss never used adds 0.
     */
    public void addGradient(Variable leaf, float[] target, int offset) {
        add(leaf.takeGradient(), target, offset);
        add(JniUtils.getGradient((PtNDArray) leaf.array()), target, offset);
    }

    private static void add(@Nullable NDArray gradient, float[] target, int offset) {
        if (gradient == null) {
            return;
        }
        try (gradient) {
            float[] values = Tensors.toFloats(gradient);
            for (int i = 0; i < values.length; i++) {
                target[offset + i] += values[i];
            }
        }
    }

    /** Whether leaves get gradients. */
    public boolean isRecording() {
        return recording;
    }

    /** The owner of leaves and gradients. */
    public NDManager manager() {
        return manager;
    }

    Products products() {
        return products;
    }

    /** Whether a result of these operands has a gradient. */
    boolean tracks(List<@Nullable Variable> operands) {
        return operands.stream().anyMatch(operand -> operand != null && operand.isTracked());
    }

    /** The result of an operation, with its way back if an operand has a gradient. */
    Variable result(NDArray array, Precision precision, Supplier<Function> function, @Nullable Variable... operands) {
        if (!tracks(Arrays.asList(operands))) {
            return new Variable(this, array, precision, false);
        }
        return record(array, precision, function.get());
    }

    /** A result with its way back. */
    Variable record(NDArray array, Precision precision, Function function) {
        Variable result = new Variable(this, array, precision, true);
        steps.addLast(new Step(result, function));
        return result;
    }

    /** Another handle of an array, which belongs to this graph. */
    NDArray share(NDArray array) {
        NDArray handle = JniUtils.detachGradient((PtNDArray) array);
        handle.attach(manager);
        return handle;
    }
}
