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

@Command(
        name = "train",
        mixinStandardHelpOptions = true,
        description = "Trains the job of a job file and writes a run directory with the PEFT adapter.")
final class TrainCommand implements Callable<Integer> {

    @Option(names = "--config", required = true, paramLabel = "FILE", description = "The job file (YAML).")
    private Path config = Path.of("");

    @Mixin
    private JobOverrides overrides = new JobOverrides();

    @Option(names = "--output", paramLabel = "DIR", description = "The run directory. Overrides the job file's output.")
    private @Nullable String output;

    @Option(names = "--overwrite", description = "Deletes a run that the run directory holds.")
    private boolean overwrite;

    @Option(
            names = "--resume",
            description =
                    "Resumes the run in the run directory from its newest checkpoint. Without a run there, starts one.")
    private boolean resume;

    @Override
    public Integer call() throws Exception {
        if (resume && overwrite) {
            throw new UsageException(
                    "usage.options-conflict",
                    "--resume continues a run and --overwrite deletes it; give one of the two");
        }
        JobConfig job = overrides.read(config, Optional.ofNullable(output));
        return new TrainingRun(job, ifRunExists()).run().code();
    }

    private IfRunIsThere ifRunExists() {
        if (resume) {
            return IfRunIsThere.RESUME;
        }
        return overwrite ? IfRunIsThere.OVERWRITE : IfRunIsThere.REFUSE;
    }
}
