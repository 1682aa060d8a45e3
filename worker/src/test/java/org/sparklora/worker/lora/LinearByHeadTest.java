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
import org.sparklora.worker.contract.Kernel;
import org.sparklora.worker.engine.Graph;
import org.sparklora.worker.engine.KeyedDropout;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.engine.Variable;

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
            Variable query,
            Variable weights,
            Variable x,
            Variable weight,
            Variable bias,
            Variable a,
            Variable b,
            Variable m) {

        List<Variable> all() {
            return List.of(query, weights, x, weight, bias, a, b, m);
        }
    }

    private interface Attention {
        Variable of(Leaves leaves, Optional<LoraVariant.Layer> pair);
    }

    @ParameterizedTest
    @CsvSource({"none,0", "pair,0", "pair,0.4", "dora,0", "dora,0.4"})
    void queriesMeetTheSameKeys(String layer, double dropout) {
        KeyedDropout masks = KeyedDropout.training(9, 1, 2, 3, 0);
        same(
                layer,
                dropout,
                (l, lora) -> Variable.traced(
                        of -> byHead(l, lora, masks).dot(of.get(0), of.get(1)),
                        byHead(l, lora, masks).parameters(),
                        l.query(),
                        l.x()),
                // [N, B, D] and [B, N, D, S] to [B, N, S].
                (l, lora) -> Variable.traced(
                        of -> of.get(0)
                                .transpose(1, 0, 2)
                                .reshape(new Shape(ROWS, HEADS, 1, SIZE))
                                .matMul(byHead(of.get(1)).transpose(0, 1, 3, 2))
                                .squeeze(2),
                        List.of(),
                        l.query(),
                        everyToken(l, lora, masks)));
    }

    @ParameterizedTest
    @CsvSource({"none,0", "pair,0", "pair,0.4", "dora,0", "dora,0.4"})
    void theSameValuesAreWeighed(String layer, double dropout) {
        KeyedDropout masks = KeyedDropout.training(9, 1, 2, 3, 0);
        same(
                layer,
                dropout,
                (l, lora) -> Variable.traced(
                        of -> byHead(l, lora, masks).weigh(of.get(0), of.get(1)),
                        byHead(l, lora, masks).parameters(),
                        l.weights(),
                        l.x()),
                (l, lora) -> Variable.traced(
                        of -> of.get(0)
                                .reshape(new Shape(ROWS, HEADS, 1, TOKENS))
                                .matMul(byHead(of.get(1)))
                                .reshape(new Shape(ROWS, HIDDEN)),
                        List.of(),
                        l.weights(),
                        everyToken(l, lora, masks)));
    }

    private static LinearByHead byHead(Leaves l, Optional<LoraVariant.Layer> lora, KeyedDropout masks) {
        return new LinearByHead(l.weight(), l.bias(), lora, HEADS, masks);
    }

    /** [B·S, N·D] to [B, N, S, D]. */
    private static NDArray byHead(NDArray tokens) {
        return tokens.reshape(new Shape(ROWS, TOKENS, HEADS, SIZE)).transpose(0, 2, 1, 3);
    }

    /** Keys or values [B·S, N·D]. */
    private static Variable everyToken(Leaves l, Optional<LoraVariant.Layer> lora, KeyedDropout masks) {
        Variable tokens = l.x().traced(x -> x.reshape(new Shape(ROWS * TOKENS, HIDDEN)));
        return lora.isPresent()
                ? lora.get().forward(tokens, l.weight(), l.bias(), masks)
                : tokens.linear(l.weight(), l.bias(), null);
    }

    private void same(String layer, double dropout, Attention byHead, Attention byToken) {
        Torch.prepareThread();
        try (NDManager manager = Torch.newManager()) {
            Graph graph = Graph.of(manager, Kernel.ONEDNN, true);
            Leaves leaves = new Leaves(
                    leaf(graph, HEADS, ROWS, SIZE),
                    leaf(graph, ROWS, HEADS, TOKENS),
                    leaf(graph, ROWS, TOKENS, HIDDEN),
                    leaf(graph, HIDDEN, HIDDEN),
                    leaf(graph, HIDDEN),
                    leaf(graph, RANK, HIDDEN),
                    leaf(graph, HIDDEN, RANK),
                    leaf(graph, HIDDEN));
            PlainLora.Pair pair = new PlainLora.Pair(
                    "test", leaves.a(), leaves.b(), Tensors.constant(manager, 1.5), OptionalDouble.of(dropout));
            Optional<LoraVariant.Layer> lora = Optional.ofNullable(
                    switch (layer) {
                        case "pair" -> pair;
                        case "dora" -> new Dora.Decomposed(pair, leaves.m());
                        default -> null;
                    });
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
        Variable out = attention.of(leaves, lora);
        result.add(Tensors.toFloats(out.array()));
        out.graph().backward(out.traced(of -> of.mul(of).sum()));
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
                    float[] gradient = new float[Math.toIntExact(leaf.array().size())];
                    leaf.graph().addGradient(leaf, gradient, 0);
                    return gradient;
                })
                .toList();
    }

    private Variable leaf(Graph graph, Integer... shape) {
        int size = 1;
        for (int s : shape) {
            size *= s;
        }
        float[] values = new float[size];
        for (int i = 0; i < size; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return graph.leaf(values, List.of(shape));
    }
}
