package org.sparklora.worker.lora;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.sparklora.worker.engine.Autograd;
import org.sparklora.worker.engine.KeyedDropout;
import org.sparklora.worker.engine.Ops;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Torch;

/** Against keys and values computed for every token: the same results and the same gradients of every tensor. */
class LinearByHeadTest {

    private static final int ROWS = 3;
    private static final int TOKENS = 7;
    private static final int HEADS = 4;
    private static final int SIZE = 5;
    private static final int HIDDEN = HEADS * SIZE;
    private static final int RANK = 2;

    private final Random random = new Random(5);

    /** Leaves, in the order of their gradients. */
    private record Leaves(
            NDArray query, NDArray weights, NDArray x, NDArray weight, NDArray bias, NDArray a, NDArray b) {

        List<NDArray> all() {
            return List.of(query, weights, x, weight, bias, a, b);
        }
    }

    private interface Attention {
        NDArray of(Leaves leaves, Optional<LoraVariant.Layer> pair);
    }

    @ParameterizedTest
    @CsvSource({"false,0", "true,0", "true,0.4"})
    void queriesMeetTheSameKeys(boolean pair, double dropout) {
        KeyedDropout masks = KeyedDropout.training(9, 1, 2, 3, 0);
        same(
                pair,
                dropout,
                (l, lora) -> new LinearByHead(l.weight(), l.bias(), lora, HEADS, masks).dot(l.query(), l.x()),
                (l, lora) -> {
                    NDArray keys = everyToken(l, lora, masks);
                    // [N, B, D] and [B, N, D, S] to [B, N, S].
                    return l.query()
                            .transpose(1, 0, 2)
                            .reshape(new Shape(ROWS, HEADS, 1, SIZE))
                            .matMul(keys.transpose(0, 1, 3, 2))
                            .squeeze(2);
                });
    }

    @ParameterizedTest
    @CsvSource({"false,0", "true,0", "true,0.4"})
    void theSameValuesAreWeighed(boolean pair, double dropout) {
        KeyedDropout masks = KeyedDropout.training(9, 1, 2, 3, 0);
        same(
                pair,
                dropout,
                (l, lora) -> new LinearByHead(l.weight(), l.bias(), lora, HEADS, masks).weigh(l.weights(), l.x()),
                (l, lora) -> l.weights()
                        .reshape(new Shape(ROWS, HEADS, 1, TOKENS))
                        .matMul(everyToken(l, lora, masks))
                        .reshape(new Shape(ROWS, HIDDEN)));
    }

    /** Keys or values [B, N, S, D]. */
    private static NDArray everyToken(Leaves l, Optional<LoraVariant.Layer> lora, KeyedDropout masks) {
        NDArray tokens = l.x().reshape(new Shape(ROWS * TOKENS, HIDDEN));
        NDArray adapted = lora.isPresent()
                ? lora.get().forward(tokens, l.weight(), l.bias(), masks)
                : Ops.linear(tokens, l.weight(), l.bias());
        return adapted.reshape(new Shape(ROWS, TOKENS, HEADS, SIZE)).transpose(0, 2, 1, 3);
    }

    private void same(boolean pair, double dropout, Attention byHead, Attention byToken) {
        Torch.prepareThread();
        try (NDManager manager = Torch.newManager()) {
            Leaves leaves = new Leaves(
                    leaf(manager, HEADS, ROWS, SIZE),
                    leaf(manager, ROWS, HEADS, TOKENS),
                    leaf(manager, ROWS, TOKENS, HIDDEN),
                    leaf(manager, HIDDEN, HIDDEN),
                    leaf(manager, HIDDEN),
                    leaf(manager, RANK, HIDDEN),
                    leaf(manager, HIDDEN, RANK));
            Optional<LoraVariant.Layer> lora = pair
                    ? Optional.of(new PlainLora.Pair(
                            "test", leaves.a(), leaves.b(), Tensors.constant(manager, 1.5), OptionalDouble.of(dropout)))
                    : Optional.empty();
            List<float[]> expected = run(leaves, lora, byToken);
            List<float[]> got = run(leaves, lora, byHead);
            for (int i = 0; i < expected.size(); i++) {
                assertThat(got.get(i)).as("result %d", i).hasSameSizeAs(expected.get(i));
                double difference = 0;
                double size = 1e-30;
                for (int j = 0; j < expected.get(i).length; j++) {
                    difference += StrictMath.pow(got.get(i)[j] - expected.get(i)[j], 2);
                    size += StrictMath.pow(expected.get(i)[j], 2);
                }
                assertThat(StrictMath.sqrt(difference / size))
                        .as("result %d, 0 is the output", i)
                        .isLessThan(2e-6);
            }
        }
    }

    /** The output and the gradients that this computation adds. */
    private static List<float[]> run(Leaves leaves, Optional<LoraVariant.Layer> lora, Attention attention) {
        List<float[]> before = gradients(leaves);
        List<float[]> result = new ArrayList<>();
        try (Autograd recording = Autograd.record()) {
            NDArray out = attention.of(leaves, lora);
            result.add(Tensors.toFloats(out));
            recording.backward(out.mul(out).sum());
        }
        List<float[]> after = gradients(leaves);
        for (int i = 0; i < after.size(); i++) {
            for (int j = 0; j < after.get(i).length; j++) {
                after.get(i)[j] -= before.get(i)[j];
            }
        }
        result.addAll(after);
        return result;
    }

    private static List<float[]> gradients(Leaves leaves) {
        return leaves.all().stream()
                .map(leaf -> {
                    float[] gradient = new float[Math.toIntExact(leaf.size())];
                    Autograd.addGradient(leaf, gradient, 0);
                    return gradient;
                })
                .toList();
    }

    private NDArray leaf(NDManager manager, Integer... shape) {
        int size = 1;
        for (int s : shape) {
            size *= s;
        }
        float[] values = new float[size];
        for (int i = 0; i < size; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return Autograd.leaf(manager, values, List.of(shape));
    }
}
