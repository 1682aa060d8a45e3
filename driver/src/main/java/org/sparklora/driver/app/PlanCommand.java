package org.sparklora.driver.app;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.config.JobConfig;
import org.sparklora.driver.config.JobFile;
import org.sparklora.driver.plan.PlanJson;
import org.sparklora.driver.plan.PlanText;
import org.sparklora.driver.plan.RunPlan;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code plan}: what a job would do, without doing it. */
@Command(
        name = "plan",
        mixinStandardHelpOptions = true,
        description =
                "Tells what a job would do, without training: the modules and parameters of every group, which group"
                        + " is live when, what a step costs then, and what to look at before the cluster is paid for.")
final class PlanCommand implements Callable<Integer> {

    /** A plan writes nothing, so a job file without an output has one too. */
    private static final Optional<String> NO_OUTPUT = Optional.of("out");

    @Option(names = "--config", required = true, paramLabel = "FILE", description = "The job file (YAML).")
    private @Nullable Path config;

    @Option(
            names = "--set",
            paramLabel = "KEY=VALUE",
            description = "Overrides one key of the job file, as with train.")
    private List<String> overrides = new ArrayList<>();

    @Option(names = "--json", description = "Prints one JSON object, with every module and every move.")
    private boolean json;

    @Override
    public Integer call() {
        if (config == null) {
            throw new UsageException("plan needs --config FILE");
        }
        JobConfig job = JobFile.read(config, overrides, NO_OUTPUT);
        RunPlan plan = JobPlan.of(job);
        if (json) {
            Console.out("%s", PlanJson.of(plan));
        } else {
            PlanText.of(plan).forEach(line -> Console.out("%s", line));
        }
        return ExitCode.OK.code();
    }
}
