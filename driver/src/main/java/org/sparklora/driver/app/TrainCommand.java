package org.sparklora.driver.app;

import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.training.RunOutput.IfRunIsThere;
import org.sparklora.driver.training.TrainingRun;
import org.sparklora.driver.training.UsageException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code train}: one run. Progress on stderr, a short summary on stdout. */
@Command(
        name = "train",
        mixinStandardHelpOptions = true,
        description = "Trains as a job file says and writes a run directory with the PEFT adapter.")
final class TrainCommand implements Callable<Integer> {

    @Option(names = "--config", required = true, paramLabel = "FILE", description = "The job file (YAML).")
    private @Nullable Path config;

    @Mixin
    private JobOverrides overrides = new JobOverrides();

    @Option(names = "--output", paramLabel = "DIR", description = "The run directory, instead of the job file's.")
    private @Nullable String output;

    @Option(names = "--overwrite", description = "Clears a run that is in the run directory.")
    private boolean overwrite;

    @Option(
            names = "--resume",
            description = "Goes on with the run in the run directory from its newest checkpoint; starts where none is.")
    private boolean resume;

    @Override
    public Integer call() throws Exception {
        if (config == null) {
            throw new UsageException("train needs --config FILE");
        }
        if (resume && overwrite) {
            throw new UsageException("--resume goes on with a run and --overwrite clears it; give one of the two");
        }
        JobConfig job = overrides.read(config, Optional.ofNullable(output));
        return new TrainingRun(job, ifRunIsThere()).run().code();
    }

    private IfRunIsThere ifRunIsThere() {
        if (resume) {
            return IfRunIsThere.RESUME;
        }
        return overwrite ? IfRunIsThere.OVERWRITE : IfRunIsThere.REFUSE;
    }
}
