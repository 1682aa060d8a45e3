package org.sparklora.worker.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;

/** How fast this machine multiplies matrices of BERT-base's shapes, on one thread. */
public final class ProductRate {

    private static final int TOKENS = 1024;
    private static final int HIDDEN = 768;
    private static final int INNER = 3072;
    private static final int ROUNDS = 15;

    private ProductRate() {}

    /** Operations a second of X [1024, 768] times Wᵀ [768, 3072], the median of about a second. */
    public static double measure() {
        Torch.prepareThread();
        double[] rates = new double[ROUNDS];
        try (NDManager manager = Torch.newManager()) {
            NDArray x = manager.ones(new Shape(TOKENS, HIDDEN));
            NDArray weight = manager.ones(new Shape(INNER, HIDDEN));
            Ops.linear(x, weight, null).close();
            for (int round = 0; round < ROUNDS; round++) {
                long began = System.nanoTime();
                Ops.linear(x, weight, null).close();
                rates[round] = 2.0 * TOKENS * HIDDEN * INNER / ((System.nanoTime() - began) / 1e9);
            }
        }
        Arrays.sort(rates);
        return rates[ROUNDS / 2];
    }
}
