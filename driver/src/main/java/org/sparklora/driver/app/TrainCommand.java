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

@Command(name = "train", mixinStandardHelpOptions = true)
final class TrainCommand implements Callable<Integer> {

    @Option(names = "--config", required = true, paramLabel = "FILE")
    private Path config = Path.of("");

    @Mixin
    private JobOverrides overrides = new JobOverrides();

    @Option(names = "--output", paramLabel = "DIR")
    private @Nullable String output;

    @Option(names = "--overwrite")
    private boolean overwrite;

    @Option(names = "--resume")
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
