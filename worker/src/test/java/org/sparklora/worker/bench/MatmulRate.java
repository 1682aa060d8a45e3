package org.sparklora.worker.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.sparklora.worker.bench.BenchReport.Spread;
import org.sparklora.worker.engine.ProductRate;
import org.sparklora.worker.engine.Torch;

/** Prints the rate of matrix products of BERT-base's shapes, on one thread. */
public final class MatmulRate {

    private MatmulRate() {}

    /**
     * Prints the rate for 1,024 tokens.
     *
     * @param args number of rounds
     */
    public static void main(String... args) {
        Torch.prepareThread();
        ProductRate.of(1024);
        List<Double> rates = new ArrayList<>();
        int rounds = args.length > 0 ? Integer.parseInt(args[0]) : 9;
        for (int round = 0; round < rounds; round++) {
            rates.add(ProductRate.of(1024));
        }
        Spread rate = Spread.of(rates, r -> r / 1e9);
        BenchReport.add("matrix products, one thread", null, rate.text("%.1f") + " GFLOP/s", Map.of("gflops", rate));
        System.exit(0);
    }
}
