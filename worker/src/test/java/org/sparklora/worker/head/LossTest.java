package org.sparklora.worker.head;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDManager;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Torch;

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
        int rows = logits.length / head.outputs();
        return Tensors.toFloats(
                head.lossSum(Tensors.floats(manager, logits, rows, head.outputs()), labels, weights, smoothing))[0];
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
        assertThat(head.weight(labels, new float[] {2, 0.5f})).isEqualTo(2.5);
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
        assertThatThrownBy(() -> sum(head, new float[2], new float[2], new float[] {1}, 0.1))
                .hasMessageContaining("cannot be smoothed");
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
        assertThat(head.weight(labels, new float[] {1, 1})).isEqualTo(3);
        assertThat(sum(head, logits, labels, new float[] {2, 3}, 0)).isCloseTo(2 * first + 3 * second, CLOSE);
        assertThat(head.weight(labels, new float[] {2, 3})).isEqualTo(7);
        assertThat(head.loss(new float[] {9, 9, 1, 0, -1, 2}, new float[] {NONE, 0, 1}))
                .isCloseTo(first, CLOSE);
        float[] none = {NONE, NONE, NONE};
        assertThat(sum(head, new float[6], none, new float[] {1}, 0)).isZero();
        assertThat(head.weight(none, new float[] {1})).isZero();
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
}
