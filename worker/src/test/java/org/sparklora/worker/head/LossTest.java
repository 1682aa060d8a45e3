package org.sparklora.worker.head;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDManager;
import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.sparklora.worker.contract.Kernel;
import org.sparklora.worker.contract.LossSettings;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.engine.Graph;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.engine.Variable;

/** Losses computed by hand from their definitions in PyTorch and transformers. */
class LossTest {

    private static final Offset<Double> CLOSE = Offset.offset(1e-5);
    private static final float NONE = Example.IGNORED;

    private final NDManager manager = open();

    private static NDManager open() {
        Torch.prepareThread();
        return Torch.newManager();
    }

    @AfterEach
    void close() {
        manager.close();
    }

    private double sum(TaskHead head, float[] logits, float[] labels, float[] weights, double smoothing) {
        return sum(head, logits, labels, weights, new LossSettings(smoothing, 0, List.of()));
    }

    private double sum(TaskHead head, float[] logits, float[] labels, float[] weights, LossSettings loss) {
        int rows = logits.length / head.outputs();
        return Tensors.toFloats(
                head.lossSum(Tensors.floats(manager, logits, rows, head.outputs()), labels, weights, loss))[0];
    }

    private static double logistic(double z, int y) {
        double p = 1 / (1 + StrictMath.exp(-z));
        return y == 1 ? -StrictMath.log(p) : -StrictMath.log(1 - p);
    }

    @Test
    void anExamplesMultiLabelLossIsTheMeanOverItsLabels() {
        float[] logits = {0.5f, -2, 3, 1, 0, -1};
        float[] labels = {1, 0, 0, 0, 1, 1};
        double first = (logistic(0.5, 1) + logistic(-2, 0) + logistic(3, 0)) / 3;
        double second = (logistic(1, 0) + logistic(0, 1) + logistic(-1, 1)) / 3;
        MultiLabelHead head = new MultiLabelHead(3);
        assertThat(sum(head, logits, labels, new float[] {1, 1}, 0)).isCloseTo(first + second, CLOSE);
        assertThat(sum(head, logits, labels, new float[] {2, 0.5f}, 0)).isCloseTo(2 * first + 0.5 * second, CLOSE);
        assertThat(head.weight(labels, new float[] {2, 0.5f}, LossSettings.PLAIN))
                .isEqualTo(2.5);
        assertThat(head.loss(new float[] {1, 0, -1}, new float[] {0, 1, 1})).isCloseTo(second, CLOSE);
    }

    @Test
    void largeLogitsOverflowNowhere() {
        MultiLabelHead head = new MultiLabelHead(2);
        assertThat(sum(head, new float[] {200, -200}, new float[] {0, 1}, new float[] {1}, 0))
                .isCloseTo(200, CLOSE);
        assertThat(head.loss(new float[] {2000, -2000}, new float[] {0, 1})).isEqualTo(2000);
        assertThat(sum(head, new float[] {200, -200}, new float[] {1, 0}, new float[] {1}, 0))
                .isZero();
    }

    private static double entropy(double[] z, int label) {
        double sum = 0;
        for (double value : z) {
            sum += StrictMath.exp(value);
        }
        return StrictMath.log(sum) - z[label];
    }

    @Test
    void tokensWithoutALabelCountNeitherAboveNorBelow() {
        // Two rows of three tokens, two classes; the second row ends in padding.
        float[] logits = {9, 9, 1, 0, -1, 2, 5, 5, 0.5f, 0.25f, 7, -7};
        float[] labels = {NONE, 0, 1, NONE, 1, NONE};
        double first = entropy(new double[] {1, 0}, 0) + entropy(new double[] {-1, 2}, 1);
        double second = entropy(new double[] {0.5, 0.25}, 1);
        TokenClassificationHead head = new TokenClassificationHead(2);
        assertThat(sum(head, logits, labels, new float[] {1, 1}, 0)).isCloseTo(first + second, CLOSE);
        assertThat(head.weight(labels, new float[] {1, 1}, LossSettings.PLAIN)).isEqualTo(3);
        assertThat(sum(head, logits, labels, new float[] {2, 3}, 0)).isCloseTo(2 * first + 3 * second, CLOSE);
        assertThat(head.weight(labels, new float[] {2, 3}, LossSettings.PLAIN)).isEqualTo(7);
        assertThat(head.loss(new float[] {9, 9, 1, 0, -1, 2}, new float[] {NONE, 0, 1}))
                .isCloseTo(first, CLOSE);
        float[] none = {NONE, NONE, NONE};
        assertThat(sum(head, new float[6], none, new float[] {1}, 0)).isZero();
        assertThat(head.weight(none, new float[] {1}, LossSettings.PLAIN)).isZero();
    }

    @Test
    void tokensAreSmoothedAsTransformersDoes() {
        // LabelSmoother: (1 - e) nll + e (sum over classes of -log p) / C, both over the tokens that count.
        float[] logits = {9, 9, 9, 1, 0, 2};
        float[] labels = {NONE, 1};
        double[] z = {1, 0, 2};
        double everywhere = (entropy(z, 0) + entropy(z, 1) + entropy(z, 2)) / 3;
        assertThat(sum(new TokenClassificationHead(3), logits, labels, new float[] {1}, 0.1))
                .isCloseTo(0.9 * entropy(z, 1) + 0.1 * everywhere, CLOSE);
        assertThat(sum(new ClassificationHead(3), new float[] {1, 0, 2}, new float[] {1}, new float[] {1}, 0.1))
                .isCloseTo(0.9 * entropy(z, 1) + 0.1 * everywhere, CLOSE);
    }

    @Test
    void labelsOfASetAreSmoothedTowardsOneHalf() {
        // Keras' BinaryCrossentropy: y (1 - e) + e / 2.
        double expected = (0.95 * logistic(0.5, 1) + 0.05 * logistic(0.5, 0)) / 2
                + (0.05 * logistic(-2, 1) + 0.95 * logistic(-2, 0)) / 2;
        assertThat(sum(new MultiLabelHead(2), new float[] {0.5f, -2}, new float[] {1, 0}, new float[] {1}, 0.1))
                .isCloseTo(expected, CLOSE);
    }

    @Test
    void aClassWeighsItsRowsAndTheDivisor() {
        LossSettings loss = new LossSettings(0, 0, List.of(0.5f, 1f, 3f));
        ClassificationHead head = new ClassificationHead(3);
        float[] logits = {1, 0, 2, 0.5f, -1, 0.25f};
        float[] labels = {2, 0};
        assertThat(sum(head, logits, labels, new float[] {1, 2}, loss))
                .isCloseTo(3 * entropy(new double[] {1, 0, 2}, 2) + entropy(new double[] {0.5, -1, 0.25}, 0), CLOSE);
        assertThat(head.weight(labels, new float[] {1, 2}, loss)).isEqualTo(3 + 0.5 * 2);
        // PyTorch weighs the smoothed part of each class too.
        LossSettings smooth = new LossSettings(0.3, 0, loss.classWeights());
        double[] z = {1, 0, 2};
        assertThat(sum(head, new float[] {1, 0, 2}, new float[] {2}, new float[] {1}, smooth))
                .isCloseTo(
                        0.7 * 3 * entropy(z, 2) + 0.1 * (0.5 * entropy(z, 0) + entropy(z, 1) + 3 * entropy(z, 2)),
                        CLOSE);
        TokenClassificationHead tokens = new TokenClassificationHead(3);
        assertThat(tokens.weight(new float[] {NONE, 2, 1, NONE}, new float[] {1, 2}, loss))
                .isEqualTo(3 + 2);
    }

    @Test
    void aFocalLossCountsWhatIsCertainLess() {
        LossSettings loss = new LossSettings(0, 2, List.of(1f, 4f));
        double nll = entropy(new double[] {1, 0.5}, 1);
        double p = StrictMath.exp(-nll);
        assertThat(sum(new ClassificationHead(2), new float[] {1, 0.5f}, new float[] {1}, new float[] {1}, loss))
                .isCloseTo(4 * (1 - p) * (1 - p) * nll, CLOSE);
        double no = logistic(0.5, 0);
        double yes = logistic(-2, 1);
        LossSettings half = new LossSettings(0, 0.5, List.of());
        assertThat(sum(new MultiLabelHead(2), new float[] {0.5f, -2}, new float[] {0, 1}, new float[] {1}, half))
                .isCloseTo(
                        (StrictMath.sqrt(1 - StrictMath.exp(-no)) * no
                                        + StrictMath.sqrt(1 - StrictMath.exp(-yes)) * yes)
                                / 2,
                        CLOSE);
    }

    @Test
    void theGradientOfAFocalLossIsFiniteWhereTheModelIsCertain() {
        for (double gamma : new double[] {0.5, 1, 2}) {
            Graph graph = Graph.of(manager, Kernel.ONEDNN, true);
            Variable logits = graph.leaf(new float[] {200, -200}, List.of(1, 2));
            LossSettings focal = new LossSettings(0, gamma, List.of());
            graph.backward(logits.traced(
                    of -> new ClassificationHead(2).lossSum(of, new float[] {0}, new float[] {1}, focal)));
            float[] gradient = new float[2];
            graph.addGradient(logits, gradient, 0);
            assertThat(gradient).containsExactly(0, 0);
        }
    }
}
