package org.sparklora.driver.app;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.plan.RunPlan;
import org.sparklora.driver.job.sizing.SizingText;
import org.sparklora.driver.job.sizing.Speeds;
import org.sparklora.driver.training.Console;
import org.sparklora.driver.training.ExitCode;
import org.sparklora.driver.training.JobPlan;
import org.sparklora.driver.training.UsageException;
import org.sparklora.worker.engine.ProductRate;
import org.sparklora.worker.machine.Machine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(name = "size", mixinStandardHelpOptions = true)
final class SizeCommand implements Callable<Integer> {

    @Option(names = "--config", required = true, paramLabel = "FILE")
    private Path config = Path.of("");

    @Mixin
    private JobOverrides overrides = new JobOverrides();

    @Option(names = "--executors", split = ",", paramLabel = "N", defaultValue = "1,2,4,8,16,32,64,128,256,512,1000")
    private List<Integer> executors = new ArrayList<>();

    @Option(names = "--executor-cores", paramLabel = "N")
    private @Nullable Integer cores;

    @Option(names = "--gflops", paramLabel = "RATE")
    private @Nullable Double gflops;

    @Option(names = "--gbit", paramLabel = "RATE", defaultValue = "10")
    private double gbit;

    @Option(names = "--price", paramLabel = "PRICE")
    private @Nullable Double price;

    @Override
    public Integer call() throws IOException {
        requirePositive("--gflops", gflops);
        requirePositive("--gbit", gbit);
        requirePositive("--price", price);
        requirePositive("--executor-cores", cores);
        executors.forEach(n -> requirePositive("--executors", n));
        JobConfig job = overrides.readWithoutOutput(config);
        if (job.data().keyed().adapter().isPresent()) {
            throw new UsageException(
                    "usage.adapter",
                    "size estimates runs with one adapter, but the job has data.adapter; plan --config " + config
                            + " shows its keys, tasks and steps");
        }
        RunPlan plan = JobPlan.of(job);
        OptionalInt own = plan.subject().memory().tasks();
        int tasks = cores != null ? cores : own.orElse(1);
        double rate = gflops != null ? gflops * 1e9 : ProductRate.measure(job.arithmetic(Machine.arithmetic()));
        Speeds speeds = Speeds.ofCluster(rate, gbit);
        Console.out(
                "%s: %,d steps in %,d shards; executors of %d task%s, %.0f GFLOP/s a core%s, %s Gbit/s",
                plan.subject().job(),
                plan.steps(),
                plan.subject().data().shards().shards(),
                tasks,
                tasks == 1 ? "" : "s",
                rate / 1e9,
                gflops == null ? " (measured here)" : "",
                gbit == Math.rint(gbit) ? String.valueOf((long) gbit) : String.valueOf(gbit));
        SizingText.of(
                        plan,
                        new SizingText.Question(
                                executors.stream().sorted().distinct().toList(),
                                tasks,
                                speeds,
                                price == null ? OptionalDouble.empty() : OptionalDouble.of(price)))
                .forEach(line -> Console.out("%s", line));
        return ExitCode.OK.code();
    }

    private static void requirePositive(String option, @Nullable Number value) {
        if (value != null && !(value.doubleValue() > 0)) {
            throw new UsageException("usage.option-value", option + " is " + value + "; give a number above 0");
        }
    }
}
