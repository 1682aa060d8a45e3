package org.sparklora.worker.train;

import ai.djl.ndarray.NDManager;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Torch;

/** What a step of 8 rows of 128 tokens of width 768 does before and after the engine computes. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
public class StepMicro {

    /** LoRA of rank 8 on query and value of twelve layers. */
    private static final int PARAMETERS = 12 * 2 * 2 * 8 * 768;

    private static final int TOKENS = 8 * 128;
    private static final int HIDDEN = 768;

    private final AdamW optimizer = new AdamW(0.9, 0.999, 1e-8, 0.01);
    private final AdamW.Moments moments = new AdamW.Moments(PARAMETERS);
    private final float[] values = new float[PARAMETERS];
    private final float[] gradient = new float[PARAMETERS];
    private final float[] kept = new float[TOKENS * HIDDEN];
    private final FloatBuffer target = ByteBuffer.allocateDirect(TOKENS * HIDDEN * Float.BYTES)
            .order(ByteOrder.nativeOrder())
            .asFloatBuffer();
    private final List<Example> rows = IntStream.range(0, 8)
            .mapToObj(row -> new Example(new int[128], 128, 1, 1f, row))
            .toList();
    private final NDManager manager = Torch.newManager();

    /** Before the first measurement. */
    @Setup
    public void prepare() {
        Torch.prepareThread();
        Arrays.fill(gradient, 1e-3f);
    }

    /** After the last one. */
    @TearDown
    public void close() {
        manager.close();
    }

    /** The next batch, padded. */
    @Benchmark
    public Batch batch() {
        return Batch.of(rows, 0);
    }

    /** Kept activations of a batch into the buffer that the engine copies from. */
    @Benchmark
    public FloatBuffer keptActivations() {
        return target.clear().put(kept);
    }

    /** A gradient of 1.2 MB into the engine's memory, as adapters go there. */
    @Benchmark
    public long adaptersToTheEngine() {
        try (var array = Tensors.floats(manager, values, PARAMETERS)) {
            return array.size();
        }
    }

    /** AdamW of all adapters. */
    @Benchmark
    public float[] adamW() {
        optimizer.update(values, moments, gradient, 0, 1e-4);
        return values;
    }
}
