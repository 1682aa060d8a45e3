package org.sparklora.worker.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.assertj.core.data.Offset;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparklora.worker.contract.Kernel;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.engine.Variable.RelativePositions;
import org.sparklora.worker.machine.Machine;

/** Each operation against PyTorch's autograd of its formula, and against itself. */
class VariableTest {

    private static final int HEADS = 3;
    private static final int SIZE = 8;

    private final NDManager manager = open();

    private static NDManager open() {
        Torch.prepareThread();
        return Torch.newManager();
    }

    @AfterEach
    void close() {
        manager.close();
    }

    /** How to compute. */
    private enum Way {
        ONEDNN(Kernel.ONEDNN, Precision.FLOAT32, 5e-6),
        MKL(Kernel.MKL, Precision.FLOAT32, 5e-6),
        /** Operands of several axes are rounded. One rounding is off by up to 2⁻⁹, and a few follow each other. */
        BFLOAT16(Kernel.ONEDNN, Precision.BFLOAT16, 1.2e-2);

        private final Kernel kernel;
        private final Precision precision;
        private final double tolerance;

        Way(Kernel kernel, Precision precision, double tolerance) {
            this.kernel = kernel;
            this.precision = precision;
            this.tolerance = tolerance;
        }

        private Variable operand(Variable leaf) {
            return leaf.shape().size() > 1 ? leaf.to(precision) : leaf;
        }
    }

    /** A computation of leaves. */
    private interface Computation {
        Variable of(List<Variable> leaves);
    }

    /** The same in operations of DJL. */
    private interface Formula {
        NDArray of(List<NDArray> leaves);
    }

    private static Variable leaf(Graph graph, Random random, int... shape) {
        int size = 1;
        List<Integer> dimensions = new ArrayList<>();
        for (int s : shape) {
            size *= s;
            dimensions.add(s);
        }
        float[] values = new float[size];
        for (int i = 0; i < size; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return graph.leaf(values, dimensions);
    }

    /** The result of a computation, and the gradients of Σ result² for each leaf. */
    private static List<float[]> run(NDManager manager, Way way, Computation computation, int[]... shapes) {
        assumeTrue(
                way.precision == Precision.FLOAT32 || Machine.hardware().hasBfloat16(),
                "this processor has no instructions for bfloat16");
        Graph graph = Graph.of(manager, way.kernel, true);
        Random random = new Random(7);
        List<Variable> leaves = new ArrayList<>();
        for (int[] shape : shapes) {
            leaves.add(leaf(graph, random, shape));
        }
        Variable result = computation.of(leaves.stream().map(way::operand).toList());
        assertThat(result.precision()).isEqualTo(way.precision);
        List<float[]> results = new ArrayList<>(List.of(floats(result)));
        graph.backward(result.traced(y -> y.mul(y).sum()));
        for (Variable leaf : leaves) {
            float[] gradient = new float[Math.toIntExact(leaf.array().size())];
            graph.addGradient(leaf, gradient, 0);
            results.add(gradient);
        }
        return results;
    }

    private void assertEqual(Way way, Computation computation, Formula formula, int[]... shapes) {
        List<float[]> got = run(manager, way, computation, shapes);
        List<float[]> expected = run(
                manager,
                Way.MKL,
                leaves -> Variable.traced(formula::of, List.of(), leaves.toArray(Variable[]::new)),
                shapes);
        for (int i = 0; i < expected.size(); i++) {
            assertThat(got.get(i)).as("result %d", i).hasSameSizeAs(expected.get(i));
            double difference = 0;
            double size = 1e-12; // The gradients of a query that sees one token are zero, but for rounding.
            for (int j = 0; j < expected.get(i).length; j++) {
                difference += StrictMath.pow(got.get(i)[j] - expected.get(i)[j], 2);
                size += StrictMath.pow(expected.get(i)[j], 2);
            }
            boolean zero = shapes[0][0] == 1 && i > 0;
            assertThat(size > 1e-9 || zero).as("result %d", i).isTrue();
            assertThat(StrictMath.sqrt(difference / size))
                    .as("result %d, 0 is the output", i)
                    .isLessThan(way.tolerance);
        }
    }

    private static float[] floats(Variable variable) {
        return Tensors.toFloats(variable.to(Precision.FLOAT32).array());
    }

    @ParameterizedTest
    @EnumSource
    void aLinearIsThatOfPyTorch(Way way) {
        int[] x = {5, 16};
        for (int out : new int[] {4, 40}) {
            int[] w = {out, 16};
            int[] b = {out};
            int[] other = {5, out};
            assertEqual(
                    way, l -> l.get(0).linear(l.get(1), null, null), l -> Ops.linear(l.get(0), l.get(1), null), x, w);
            assertEqual(
                    way,
                    l -> l.get(0).linear(l.get(1), l.get(2), null),
                    l -> Ops.linear(l.get(0), l.get(1), l.get(2)),
                    x,
                    w,
                    b);
            assertEqual(
                    way,
                    l -> l.get(0).linear(l.get(1), null, l.get(2)),
                    l -> Ops.linear(l.get(0), l.get(1), null).add(l.get(2)),
                    x,
                    w,
                    other);
            assertEqual(
                    way,
                    l -> l.get(0).linear(l.get(1), l.get(2), l.get(3)),
                    l -> Ops.linear(l.get(0), l.get(1), l.get(2)).add(l.get(3)),
                    x,
                    w,
                    b,
                    other);
        }
    }

    @ParameterizedTest
    @EnumSource
    void gradientsOfOneArrayAddUp(Way way) {
        assertEqual(
                way,
                l -> l.get(0)
                        .linear(l.get(1), null, null)
                        .plus(l.get(0))
                        .plus(l.get(0).linear(l.get(2), null, l.get(0))),
                l -> Ops.linear(l.get(0), l.get(1), null)
                        .add(l.get(0))
                        .add(Ops.linear(l.get(0), l.get(2), null))
                        .add(l.get(0)),
                new int[] {5, 8},
                new int[] {8, 8},
                new int[] {8, 8});
    }

    @ParameterizedTest
    @EnumSource
    void theFusedGeluIsALinearAndAGelu(Way way) {
        for (Gelu form : Gelu.values()) {
            Graph graph = Graph.of(manager, way.kernel, false);
            Random random = new Random(3);
            Variable x = way.operand(leaf(graph, random, 6, 8));
            Variable w = way.operand(leaf(graph, random, 10, 8));
            Variable b = leaf(graph, random, 10);
            float[] fused = floats(x.linearWithGelu(w, b, form));
            float[] apart = floats(x.linear(w, b, null).gelu(form));
            assertThat(fused).containsExactly(apart, Offset.offset(way == Way.BFLOAT16 ? 3e-2f : 2e-6f));
        }
    }

    @ParameterizedTest
    @EnumSource
    void geluIsThatOfPyTorch(Way way) {
        assertEqual(way, l -> l.get(0).gelu(Gelu.ERF), l -> JniUtils.gelu((PtNDArray) l.get(0)), new int[] {7, 9});
    }

    /** Expected: torch.nn.functional.gelu(x, approximate='tanh') of PyTorch 2.13 and the gradient of its sum. */
    @Test
    void geluTanhIsPyTorchs() {
        float[] x = {-6, -3, -1.5f, -0.5f, 0, 0.25f, 1, 2.5f, 7};
        Graph graph = Graph.of(manager, Kernel.ONEDNN, true);
        Variable leaf = graph.leaf(x, List.of(x.length));
        Variable y = leaf.gelu(Gelu.TANH);
        graph.backward(y.traced(NDArray::sum));
        float[] gradient = new float[x.length];
        graph.addGradient(leaf, gradient, 0);
        Offset<Float> near = Offset.offset(3e-7f);
        assertThat(Tensors.toFloats(y.array()))
                .containsExactly(
                        new float[] {
                            0, -0.003637433f, -0.10042843f, -0.154286f, 0, 0.14967535f, 0.841192f, 2.4849157f, 7
                        },
                        near);
        assertThat(gradient)
                .containsExactly(
                        new float[] {
                            0, -0.011584297f, -0.12771082f, 0.13263011f, 0.5f, 0.6953541f, 1.0829641f, 1.0379517f, 1
                        },
                        near);
    }

    @ParameterizedTest
    @EnumSource
    void layerNormIsThatOfItsFormula(Way way) {
        assertEqual(
                way,
                l -> l.get(0).layerNorm(l.get(1), l.get(2), 1e-5),
                l -> {
                    NDArray x = l.get(0);
                    NDArray centred = x.sub(x.mean(new int[] {1}, true));
                    NDArray variance = centred.mul(centred).mean(new int[] {1}, true);
                    NDArray eps = Tensors.constant(manager, 1e-5);
                    return centred.div(variance.add(eps).sqrt()).mul(l.get(1)).add(l.get(2));
                },
                new int[] {5, 12},
                new int[] {12},
                new int[] {12});
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void columnsHaveFactorsAndWhatIsAdded(boolean matrix) {
        int[] other = matrix ? new int[] {4, 6} : new int[] {6};
        assertEqual(
                Way.ONEDNN,
                leaves -> leaves.get(0).timesColumns(leaves.get(1), leaves.get(2)),
                of -> of.get(0).mul(of.get(1)).add(of.get(2)),
                new int[] {4, 6},
                new int[] {6},
                other);
    }

    @ParameterizedTest
    @EnumSource
    void layerNormMayHaveNoBias(Way way) {
        NDArray zeros = Tensors.floats(manager, new float[12], 12);
        assertEqual(
                way,
                l -> l.get(0).layerNorm(l.get(1), null, 1e-5),
                l -> {
                    NDArray x = l.get(0);
                    NDArray centred = x.sub(x.mean(new int[] {1}, true));
                    NDArray variance = centred.mul(centred).mean(new int[] {1}, true);
                    return centred.div(variance.add(Tensors.constant(manager, 1e-5))
                                    .sqrt())
                            .mul(l.get(1))
                            .add(zeros);
                },
                new int[] {5, 12},
                new int[] {12});
    }

    @ParameterizedTest
    @EnumSource
    void aGatedGeluIsTheProductOfBothHalves(Way way) {
        assertEqual(
                way,
                l -> l.get(0).gatedGelu(Gelu.ERF),
                l -> JniUtils.gelu((PtNDArray) l.get(0).get(":, 0:5"))
                        .mul(l.get(0).get(":, 5:")),
                new int[] {7, 10});
        assertEqual(
                way,
                l -> l.get(0).gatedGelu(Gelu.TANH),
                l -> {
                    NDArray x = l.get(0).get(":, 0:5");
                    NDArray inner = x.add(x.mul(x).mul(x).mul(Tensors.constant(manager, 0.044715)))
                            .mul(Tensors.constant(manager, StrictMath.sqrt(2 / StrictMath.PI)));
                    NDArray both =
                            inner.tanh().add(Tensors.constant(manager, 1)).mul(x);
                    return both.mul(Tensors.constant(manager, 0.5)).mul(l.get(0).get(":, 5:"));
                },
                new int[] {7, 10});
    }

    /** (x₁, x₂) of a head at position s becomes (x₁ cos sf − x₂ sin sf, x₂ cos sf + x₁ sin sf); values stay. */
    @ParameterizedTest
    @EnumSource
    void rotaryPositionsTurnQueriesAndKeys(Way way) {
        int batch = 2;
        int length = 5;
        NDArray frequencies = Tensors.floats(manager, new float[] {1f, 0.5f, 0.1f, 0.01f}, SIZE / 2);
        NDArray places = Tensors.floats(manager, new float[] {0, 1, 2, 3, 4}, length, 1);
        Shape byHead = new Shape(batch, length, 3, HEADS, 2, SIZE / 2);
        assertEqual(
                way,
                l -> l.get(0).rotary(length, frequencies),
                l -> {
                    NDArray parts = l.get(0).reshape(byHead);
                    NDArray angles = places.mul(frequencies).reshape(length, 1, 1, SIZE / 2);
                    NDArray first = parts.get("0:, 0:, 0:2, 0:, 0");
                    NDArray second = parts.get("0:, 0:, 0:2, 0:, 1");
                    NDArray turned = first.mul(angles.cos())
                            .sub(second.mul(angles.sin()))
                            .stack(second.mul(angles.cos()).add(first.mul(angles.sin())), 4);
                    return turned.concat(parts.get("0:, 0:, 2:3"), 2).reshape((long) batch * length, -1);
                },
                new int[] {batch * length, 3 * HEADS * SIZE});
    }

    /** The mask of {@link #mask}, and tokens more than four apart do not see each other. */
    private static NDArray windows(NDManager manager, int batch, int length) {
        float[] far = new float[length * length];
        for (int i = 0; i < far.length; i++) {
            far[i] = Math.abs(i / length - i % length) > 4 ? -Float.MAX_VALUE : 0f;
        }
        return Tensors.floats(manager, far, 1, 1, length, length).minimum(mask(manager, batch, length));
    }

    @ParameterizedTest
    @EnumSource
    void attentionOfPartsSideBySideIsAttention(Way way) {
        int batch = 2;
        int length = 12;
        int width = HEADS * SIZE;
        NDArray windows = windows(manager, batch, length);
        for (NDArray dropout : Arrays.asList(null, dropout(manager, batch, length, 0.1))) {
            assertEqual(
                    way,
                    l -> l.get(0).attention(windows, HEADS, dropout),
                    l -> attention(l.get(0).split(3, 1), windows, batch, dropout),
                    new int[] {batch * length, 3 * width});
        }
    }

    @ParameterizedTest
    @EnumSource
    void aFactorIsNotDifferentiated(Way way) {
        NDArray mask = Tensors.floats(manager, new float[] {0, 2, 2, 0}, 4);
        NDArray scaling = Tensors.constant(manager, 3);
        assertEqual(
                way,
                l -> l.get(0).times(mask).times(scaling),
                l -> l.get(0).mul(mask).mul(scaling),
                new int[] {5, 4});
    }

    @Test
    void whatATracedPieceReadsBesideItsOperandsHasGradients() {
        Graph graph = Graph.of(manager, Kernel.ONEDNN, true);
        Variable x = graph.leaf(new float[] {2}, List.of(1));
        Variable w = graph.leaf(new float[] {5}, List.of(1));
        Variable constant = graph.constant(Tensors.constant(manager, 3));
        // w x + 3 w, of which the second does not depend on an operand with a gradient.
        Variable sum = Variable.traced(of -> of.get(0).mul(w.array()), List.of(w), x)
                .plus(Variable.traced(of -> of.get(0).mul(w.array()), List.of(w), constant));
        graph.backward(sum);
        float[] gradients = {10, 10};
        graph.addGradient(x, gradients, 0);
        graph.addGradient(w, gradients, 1);
        assertThat(gradients).containsExactly(15, 15);
    }

    @Test
    void anUnusedLeafAddsNothing() {
        Graph graph = Graph.of(manager, Kernel.ONEDNN, true);
        Variable leaf = graph.leaf(new float[] {1}, List.of(1));
        Variable unused = graph.leaf(new float[] {5}, List.of(1));
        graph.backward(leaf.plus(leaf));
        float[] target = {10, 10};
        graph.addGradient(leaf, target, 1);
        graph.addGradient(unused, target, 0);
        assertThat(target).containsExactly(10, 12);
    }

    @Test
    void arraysMayBeClosedEarlyAndNothingIsLeftAfterBackward() {
        Graph graph = Graph.of(manager, Kernel.ONEDNN, true);
        Random random = new Random(1);
        Variable x = leaf(graph, random, 4, 8);
        Variable w = leaf(graph, random, 8, 8);
        Variable out;
        try (NDManager layer = manager.newSubManager()) {
            Variable in = x.times(Tensors.constant(layer, 2));
            in.array().attach(layer);
            Variable merged = graph.constant(w.array().mul(w.array()));
            merged.array().attach(layer);
            out = in.linear(merged, null, in)
                    .linear(w, null, null)
                    .gelu(Gelu.ERF)
                    .layerNorm(w.traced(of -> of.get("0")), w.traced(of -> of.get("1")), 1e-5);
            out.array().attach(manager);
        }
        Variable loss = out.traced(NDArray::sum);
        graph.backward(loss);
        float[] gradient = new float[64];
        graph.addGradient(w, gradient, 0);
        graph.addGradient(x, new float[32], 0);
        assertThat(gradient).doesNotContain(Float.NaN);
        assertThat(manager.getManagedArrays()).hasSize(6);
    }

    private static NDArray mask(NDManager manager, int batch, int length) {
        return Tensors.floats(
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
    }

    /** The formula of attention in operations of DJL. */
    private NDArray attention(List<NDArray> parts, NDArray mask, int batch, @Nullable NDArray dropout) {
        Shape byHead = new Shape(batch, -1, HEADS, SIZE);
        NDArray query = parts.get(0).reshape(byHead).transpose(0, 2, 1, 3);
        NDArray key = parts.get(1).reshape(byHead).transpose(0, 2, 3, 1);
        NDArray value = parts.get(2).reshape(byHead).transpose(0, 2, 1, 3);
        NDArray rootD = Tensors.constant(manager, StrictMath.sqrt(SIZE));
        NDArray probabilities = Ops.softmax(query.matMul(key).div(rootD).add(mask));
        return (dropout == null ? probabilities : probabilities.mul(dropout))
                .matMul(value)
                .transpose(0, 2, 1, 3)
                .reshape(new Shape(-1, (long) HEADS * SIZE));
    }

    @ParameterizedTest
    @CsvSource({
        "ONEDNN,1,1,0",
        "ONEDNN,2,7,0",
        "ONEDNN,4,64,0",
        "ONEDNN,1,300,0",
        "ONEDNN,1,1,0.1",
        "ONEDNN,2,7,0.1",
        "ONEDNN,4,64,0.5",
        "MKL,2,7,0.1",
        "BFLOAT16,1,1,0",
        "BFLOAT16,2,7,0",
        "BFLOAT16,4,64,0",
        "BFLOAT16,2,7,0.1",
        "BFLOAT16,4,64,0.5"
    })
    void attentionIsThatOfItsFormula(Way way, int batch, int length, double drops) {
        NDArray mask = mask(manager, batch, length);
        NDArray dropout = dropout(manager, batch, length, drops);
        int[] shape = {batch * length, HEADS * SIZE};
        assertEqual(
                way,
                l -> Variable.attention(l.get(0), l.get(1), l.get(2), mask, HEADS, drops == 0 ? null : dropout),
                l -> attention(l, mask, batch, dropout),
                shape,
                shape,
                shape);
    }

    @ParameterizedTest
    @CsvSource({
        "ONEDNN,1,1,0",
        "ONEDNN,2,7,0",
        "ONEDNN,3,40,0",
        "ONEDNN,2,7,0.1",
        "ONEDNN,3,40,0.5",
        "MKL,2,7,0.1",
        "BFLOAT16,2,7,0",
        "BFLOAT16,3,40,0.1"
    })
    void disentangledAttentionIsThatOfItsFormula(Way way, int batch, int length, double drops) {
        NDArray mask = mask(manager, batch, length);
        NDArray dropout = dropout(manager, batch, length, drops);
        int distances = 2 * length - 1;
        long[] distance = new long[length * length];
        Arrays.setAll(distance, i -> length - 1 + i / length - i % length);
        int[] tokens = {batch * length, HEADS * SIZE};
        int[] positions = {distances, HEADS * SIZE};
        assertEqual(
                way,
                l -> Variable.disentangledAttention(
                        l.get(0),
                        l.get(1),
                        l.get(2),
                        new RelativePositions(l.get(3), l.get(4)),
                        mask,
                        HEADS,
                        drops == 0 ? null : dropout),
                l -> {
                    NDArray query = l.get(0).reshape(new Shape(batch, length, 1, HEADS, SIZE));
                    NDArray key = l.get(1).reshape(new Shape(batch, 1, length, HEADS, SIZE));
                    NDArray scores = query.mul(key)
                            .add(query.mul(byPair(l.get(3), distance, length)))
                            .add(key.mul(byPair(l.get(4), distance, length)))
                            .sum(new int[] {4})
                            .transpose(0, 3, 1, 2);
                    NDArray root = Tensors.constant(manager, StrictMath.sqrt(3 * SIZE));
                    NDArray isToken = mask.transpose(0, 1, 3, 2).exp();
                    return Ops.softmax(scores.div(root).add(mask))
                            .mul(dropout)
                            .matMul(l.get(2)
                                    .reshape(new Shape(batch, length, HEADS, SIZE))
                                    .transpose(0, 2, 1, 3))
                            .mul(isToken)
                            .transpose(0, 2, 1, 3)
                            .reshape(new Shape(tokens[0], tokens[1]));
                },
                tokens,
                tokens,
                tokens,
                positions,
                positions);
    }

    /** Rows of a table for each pair of tokens, [1, S, S, N, D]. */
    private NDArray byPair(NDArray table, long[] rows, int length) {
        NDArray ids = Tensors.longs(manager, rows, rows.length);
        return JniUtils.embedding((PtNDArray) ids, (PtNDArray) table, false)
                .reshape(new Shape(1, length, length, HEADS, SIZE));
    }

    /** TorchScript may compile a method anew for shapes it has seen, with other bits. */
    @ParameterizedTest
    @EnumSource
    void theFirstCallAndEveryLaterOneOnAnyThreadHaveTheSameBits(Way way) throws Exception {
        List<List<float[]>> first = List.of(call(way, 0), call(way, 1));
        ExecutorService threads = Executors.newFixedThreadPool(3);
        try {
            List<Callable<Boolean>> work = new ArrayList<>();
            for (int thread = 0; thread < 3; thread++) {
                work.add(() -> {
                    for (int i = 0; i < 50; i++) {
                        assertThat(call(way, i % 2))
                                .usingRecursiveComparison()
                                .as("call %d", i)
                                .isEqualTo(first.get(i % 2));
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

    private static NDArray dropout(NDManager manager, int batch, int length, double p) {
        return KeyedDropout.training(1, 0, 0, 0, 0)
                .mask(manager, new long[] {batch, HEADS, length, length}, "attention", p);
    }

    /** A small layer, of one of two shapes, one of them with dropout. */
    private static List<float[]> call(Way way, int kind) {
        int batch = 1 + kind;
        int length = kind == 0 ? 40 : 9;
        int[] x = {batch * length, HEADS * SIZE};
        int[] square = {HEADS * SIZE, HEADS * SIZE};
        int[] vector = {HEADS * SIZE};
        Torch.prepareThread();
        try (NDManager own = Torch.newManager()) {
            return run(
                    own,
                    way,
                    l -> {
                        Variable query = l.get(0).linear(l.get(1), l.get(3), null);
                        Variable key = l.get(0).linear(l.get(2), l.get(3), null);
                        Variable value = l.get(0).linear(l.get(1), null, l.get(0));
                        NDArray mask = mask(own, batch, length);
                        NDArray dropout = kind == 0 ? null : dropout(own, batch, length, 0.1);
                        RelativePositions positions = new RelativePositions(l.get(4), l.get(4));
                        return Variable.attention(query, key, value, mask, HEADS, dropout)
                                .plus(Variable.disentangledAttention(
                                        query, key, value, positions, mask, HEADS, dropout))
                                .linearWithGelu(l.get(2), l.get(3), Gelu.ERF)
                                .layerNorm(l.get(3), l.get(3), 1e-12);
                    },
                    x,
                    square,
                    square,
                    vector,
                    new int[] {2 * length - 1, HEADS * SIZE});
        }
    }
}
