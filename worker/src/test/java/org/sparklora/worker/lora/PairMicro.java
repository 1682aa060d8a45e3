package org.sparklora.worker.lora;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.sparklora.worker.contract.Kernel;
import org.sparklora.worker.engine.Graph;
import org.sparklora.worker.engine.KeyedDropout;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.engine.Variable;

/** Forward and backward of a frozen Linear of 768 for 1,024 tokens, alone and with a pair of rank 8 that trains. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
public class PairMicro {

    private static final int TOKENS = 1024;
    private static final int WIDTH = 768;
    private static final int RANK = 8;

    /** With or without. */
    @Param({"false", "true"})
    public boolean pair;

    private final NDManager manager = Torch.newManager();
    private final float[] tokens = ofSize(TOKENS * WIDTH);
    private final float[] narrow = ofSize(RANK * WIDTH);
    private final NDArray weight = Tensors.floats(manager, ofSize(WIDTH * WIDTH), WIDTH, WIDTH);
    private final NDArray bias = Tensors.floats(manager, new float[WIDTH], WIDTH);

    private static float[] ofSize(int size) {
        float[] values = new float[size];
        Arrays.fill(values, 1e-3f);
        return values;
    }

    /** Before the first measurement. */
    @Setup
    public void prepare() {
        Torch.prepareThread();
    }

    /** After the last one. */
    @TearDown
    public void close() {
        manager.close();
    }

    /** One Linear, there and back. */
    @Benchmark
    public float linear() {
        try (NDManager pass = Torch.newManager()) {
            Graph graph = Graph.of(pass, Kernel.ONEDNN, true);
            Variable x = graph.leaf(tokens, List.of(TOKENS, WIDTH));
            Variable w = graph.constant(weight);
            Variable y;
            if (pair) {
                Variable a = graph.leaf(narrow, List.of(RANK, WIDTH));
                Variable b = graph.leaf(narrow, List.of(WIDTH, RANK));
                y = new PlainLora.Pair("pair", a, b, Tensors.constant(pass, 2), OptionalDouble.of(0))
                        .forward(x, w, graph.constant(bias), KeyedDropout.OFF);
            } else {
                y = x.linear(w, graph.constant(bias), null);
            }
            Variable loss = y.traced(NDArray::sum);
            graph.backward(loss);
            return loss.array().getFloat();
        }
    }
}
