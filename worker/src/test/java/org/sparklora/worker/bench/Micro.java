package org.sparklora.worker.bench;

import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/** Everything under a millisecond that a step does outside the engine, by JMH, in a process of its own. */
public final class Micro {

    /**
     * Prints a line for each benchmark.
     *
     * @param args --quick: half a second instead of six for each
     */
    public static void main(String... args) throws RunnerException {
        boolean quick = BenchReport.isQuick(args);
        var options = new OptionsBuilder()
                .include("org\\.sparklora\\.worker\\..*Micro\\..*")
                .timeUnit(TimeUnit.MICROSECONDS)
                .forks(1)
                .warmupIterations(quick ? 1 : 3)
                .warmupTime(TimeValue.milliseconds(quick ? 200 : 500))
                .measurementIterations(quick ? 3 : 9)
                .measurementTime(TimeValue.milliseconds(quick ? 100 : 500))
                .verbosity(VerboseMode.SILENT)
                .build();
        for (RunResult result : new Runner(options).run()) {
            var statistics = result.getPrimaryResult().getStatistics();
            BenchReport.Spread spread =
                    new BenchReport.Spread(statistics.getPercentile(50), statistics.getMin(), statistics.getMax());
            BenchReport.add(
                    "micro, " + result.getPrimaryResult().getLabel(),
                    null,
                    String.format(Locale.ROOT, "%s us", spread.text("%.1f")),
                    Map.of("microseconds", spread));
        }
    }

    private Micro() {}
}
