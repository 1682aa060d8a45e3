package org.sparklora.worker.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import org.sparklora.worker.bench.BenchReport.Spread;
import org.sparklora.worker.contract.Arithmetic;
import org.sparklora.worker.contract.Kernel;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.engine.ProductRate;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.machine.Machine;

/** Prints the rates of matrix products of BERT-base's shapes on one thread, by library, and what the processor has. */
public final class MatmulRate {

    private MatmulRate() {}

    /**
     * Prints the rates for 1,024 tokens.
     *
     * @param args number of rounds
     */
    public static void main(String... args) {
        Torch.prepareThread();
        int rounds = args.length > 0 ? Integer.parseInt(args[0]) : 9;
        BenchReport.add("processor", null, Machine.instructions(), Map.of("instructions", Machine.instructions()));
        for (Kernel kernel : Kernel.values()) {
            measure(kernel.name().toLowerCase(Locale.ROOT), new Arithmetic(kernel, Precision.FLOAT32), rounds);
        }
        if (Machine.hardware().hasBfloat16()) {
            measure("onednn in bfloat16", new Arithmetic(Kernel.ONEDNN, Precision.BFLOAT16), rounds);
        }
        OptionalDouble openBlas = OpenBlas.rate(rounds);
        if (openBlas.isPresent()) {
            double rate = openBlas.getAsDouble() / 1e9;
            report("openblas", new Spread(rate, rate, rate));
        } else {
            System.out.println("openblas is not installed");
        }
        System.exit(0);
    }

    private static void measure(String name, Arithmetic arithmetic, int rounds) {
        ProductRate.of(arithmetic, 1024);
        List<Double> rates = new ArrayList<>();
        for (int round = 0; round < rounds; round++) {
            rates.add(ProductRate.of(arithmetic, 1024));
        }
        report(name, Spread.of(rates, rate -> rate / 1e9));
    }

    private static void report(String library, Spread rate) {
        BenchReport.add(
                "matrix products, one thread, " + library,
                null,
                rate.text("%.1f") + " GFLOP/s",
                Map.of("gflops", rate));
    }
}
