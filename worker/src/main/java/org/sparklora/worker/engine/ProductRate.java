package org.sparklora.worker.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.Arrays;
import org.sparklora.worker.contract.Arithmetic;
import org.sparklora.worker.contract.KeyedRandom;
import org.sparklora.worker.contract.Precision;

/**
 * The current speed of matrix products of BERT-base's shapes on one thread. Steps are measured and sized against it.
 */
public final class ProductRate {

    private static final int HIDDEN = 768;
    private static final int INNER = 3072;
    private static final int TIMES = 3;
    private static final int ROUNDS = 9;

    private ProductRate() {}

    /** Operations per second of one layer's six products for this many tokens, in forward. */
    public static double of(Arithmetic arithmetic, long tokens) {
        Products products = Products.of(arithmetic.kernel());
        Precision precision = arithmetic.precision();
        try (NDManager manager = Torch.newManager()) {
            NDArray narrow = random(manager, precision, 1, tokens, HIDDEN);
            NDArray wide = random(manager, precision, 2, tokens, INNER);
            NDArray square = random(manager, precision, 3, HIDDEN, HIDDEN);
            NDArray up = random(manager, precision, 4, INNER, HIDDEN);
            NDArray down = random(manager, precision, 5, HIDDEN, INNER);
            long began = System.nanoTime();
            for (int i = 0; i < TIMES; i++) {
                for (int four = 0; four < 4; four++) {
                    products.linear(narrow, square, null, null).close();
                }
                products.linear(narrow, up, null, null).close();
                products.linear(wide, down, null, null).close();
            }
            double operations = 2.0 * tokens * (4L * HIDDEN * HIDDEN + 2L * HIDDEN * INNER);
            return TIMES * operations / ((System.nanoTime() - began) / 1e9);
        }
    }

    /** The median rate for 1,024 tokens; takes a few seconds. */
    public static double measure(Arithmetic arithmetic) {
        Torch.prepareThread();
        of(arithmetic, 1024);
        double[] rates = new double[ROUNDS];
        Arrays.setAll(rates, round -> of(arithmetic, 1024));
        Arrays.sort(rates);
        return rates[ROUNDS / 2];
    }

    private static NDArray random(NDManager manager, Precision precision, int key, long... shape) {
        float[] values = new float[Math.toIntExact(shape[0] * shape[1])];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) KeyedRandom.uniform(key, i) - 0.5f;
        }
        NDArray floats = Tensors.floats(manager, values, shape);
        return precision == Precision.FLOAT32
                ? floats
                : Bfloat16.of(manager, floats).array();
    }
}
