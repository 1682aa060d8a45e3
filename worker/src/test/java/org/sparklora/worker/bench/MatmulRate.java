package org.sparklora.worker.bench;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.sparklora.worker.bench.BenchReport.Spread;
import org.sparklora.worker.contract.KeyedRandom;
import org.sparklora.worker.engine.Ops;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Torch;

/** How fast matrix products of BERT-base's shapes are here and now, on one thread: what a step is measured against. */
public final class MatmulRate {

    private MatmulRate() {}

    /** Operations a second of one layer's six products for so many tokens, in the forward direction. */
    public static double of(long tokens) {
        try (NDManager manager = Torch.newManager()) {
            NDArray narrow = random(manager, 1, tokens, BertBase.HIDDEN);
            NDArray wide = random(manager, 2, tokens, BertBase.INNER);
            NDArray square = random(manager, 3, BertBase.HIDDEN, BertBase.HIDDEN);
            NDArray up = random(manager, 4, BertBase.INNER, BertBase.HIDDEN);
            NDArray down = random(manager, 5, BertBase.HIDDEN, BertBase.INNER);
            int times = 3;
            long began = System.nanoTime();
            for (int i = 0; i < times; i++) {
                for (int four = 0; four < 4; four++) {
                    Ops.linear(narrow, square, null).close();
                }
                Ops.linear(narrow, up, null).close();
                Ops.linear(wide, down, null).close();
            }
            double operations =
                    2.0 * tokens * (4L * BertBase.HIDDEN * BertBase.HIDDEN + 2L * BertBase.HIDDEN * BertBase.INNER);
            return times * operations / ((System.nanoTime() - began) / 1e9);
        }
    }

    private static NDArray random(NDManager manager, int key, long... shape) {
        float[] values = new float[Math.toIntExact(shape[0] * shape[1])];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) KeyedRandom.uniform(key, i) - 0.5f;
        }
        return Tensors.floats(manager, values, shape);
    }

    /**
     * Prints the rate for 1,024 tokens.
     *
     * @param args number of rounds
     */
    public static void main(String... args) {
        Torch.prepareThread();
        of(1024);
        List<Double> rates = new ArrayList<>();
        int rounds = args.length > 0 ? Integer.parseInt(args[0]) : 9;
        for (int round = 0; round < rounds; round++) {
            rates.add(of(1024));
        }
        Spread rate = Spread.of(rates, r -> r / 1e9);
        BenchReport.add("matrix products, one thread", null, rate.text("%.1f") + " GFLOP/s", Map.of("gflops", rate));
        System.exit(0);
    }
}
