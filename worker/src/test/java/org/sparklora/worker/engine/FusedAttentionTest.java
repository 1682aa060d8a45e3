package org.sparklora.worker.engine;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The fused kernel against attention in single operations, and against itself. */
class FusedAttentionTest {

    private static final int HEADS = 3;
    private static final int SIZE = 8;

    private interface Attention {
        NDArray of(NDArray query, NDArray key, NDArray value, NDArray mask);
    }

    @ParameterizedTest
    @CsvSource({"1,1", "2,7", "4,64", "1,300"})
    void equalsTheFormula(int batch, int length) {
        Torch.prepareThread();
        List<float[]> expected = run(batch, length, true, FusedAttentionTest::inOperations);
        List<float[]> fused = run(batch, length, true, FusedAttention::of);
        for (int i = 0; i < expected.size(); i++) {
            assertThat(fused.get(i)).as("result %d", i).hasSameSizeAs(expected.get(i));
            double difference = 0;
            double size = 1e-12; // The gradients of a query that sees one token are zero, but for rounding.
            for (int j = 0; j < expected.get(i).length; j++) {
                difference += StrictMath.pow(fused.get(i)[j] - expected.get(i)[j], 2);
                size += StrictMath.pow(expected.get(i)[j], 2);
            }
            assertThat(StrictMath.sqrt(difference / size))
                    .as("result %d, 0 is the output", i)
                    .isLessThan(5e-6);
        }
    }

    /** TorchScript may compile a module anew for shapes and gradients it has seen, with other bits. */
    @Test
    void theFirstCallAndEveryLaterOneOnAnyThreadHaveTheSameBits() throws Exception {
        Torch.prepareThread();
        List<List<float[]>> first = List.of(call(0), call(1), call(2), call(3));
        ExecutorService threads = Executors.newFixedThreadPool(3);
        try {
            List<Callable<Boolean>> work = new ArrayList<>();
            for (int thread = 0; thread < 3; thread++) {
                Random random = new Random(thread);
                work.add(() -> {
                    Torch.prepareThread();
                    for (int i = 0; i < 40; i++) {
                        int kind = random.nextInt(4);
                        assertThat(call(kind))
                                .usingRecursiveComparison()
                                .as("call %d, kind %d", i, kind)
                                .isEqualTo(first.get(kind));
                    }
                    return true;
                });
            }
            for (Future<Boolean> done : threads.invokeAll(work, 120, TimeUnit.SECONDS)) {
                assertThat(done.get()).isTrue();
            }
        } finally {
            threads.shutdownNow();
        }
    }

    private static List<float[]> call(int kind) {
        return run(1 + kind % 2, kind < 2 ? 40 : 9, kind != 3, FusedAttention::of);
    }

    private static NDArray inOperations(NDArray query, NDArray key, NDArray value, NDArray mask) {
        NDArray rootD = Tensors.constant(query.getManager(), StrictMath.sqrt(SIZE));
        NDArray scores = query.matMul(key.transpose(0, 1, 3, 2)).div(rootD).add(mask);
        return Ops.softmax(scores).matMul(value);
    }

    /** Output and, if asked for, the gradients of Q, K and V. The last third of each second row is padding. */
    private static List<float[]> run(int batch, int length, boolean gradients, Attention attention) {
        Random random = new Random(batch * 1000L + length);
        try (NDManager manager = Torch.newManager()) {
            List<NDArray> leaves = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                float[] values = new float[batch * HEADS * length * SIZE];
                for (int j = 0; j < values.length; j++) {
                    values[j] = (float) random.nextGaussian();
                }
                leaves.add(Autograd.leaf(manager, values, List.of(batch, HEADS, length, SIZE)));
            }
            NDArray mask = Tensors.floats(
                    manager,
                    batch * length,
                    target -> {
                        for (int i = 0; i < batch * length; i++) {
                            boolean padding = i / length % 2 == 1 && 3 * (i % length) >= 2 * length;
                            target.put(padding ? -Float.MAX_VALUE : 0f);
                        }
                    },
                    batch,
                    1,
                    1,
                    length);
            if (!gradients) {
                return List.of(Tensors.toFloats(attention.of(leaves.get(0), leaves.get(1), leaves.get(2), mask)));
            }
            List<float[]> results = new ArrayList<>();
            try (Autograd recording = Autograd.record()) {
                NDArray out = attention.of(leaves.get(0), leaves.get(1), leaves.get(2), mask);
                results.add(Tensors.toFloats(out));
                recording.backward(out.mul(out).sum());
            }
            for (NDArray leaf : leaves) {
                float[] gradient = new float[Math.toIntExact(leaf.size())];
                Autograd.addGradient(leaf, gradient, 0);
                results.add(gradient);
            }
            return results;
        }
    }
}
