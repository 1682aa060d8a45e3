package org.sparklora.driver.app;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.cluster.Locations;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.SweepFile;
import org.sparklora.driver.run.history.OutputGuard;
import org.sparklora.driver.training.JobDraft;
import org.sparklora.driver.training.KeyedRun;
import org.sparklora.driver.training.RunOutput.IfRunIsThere;
import org.sparklora.driver.training.TrainingRun;
import org.sparklora.driver.training.UsageException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(name = "train", mixinStandardHelpOptions = true)
final class TrainCommand implements Callable<Integer> {

    @Option(names = "--config", paramLabel = "FILE")
    private @Nullable Path config;

    @Mixin
    private DraftOptions options = new DraftOptions();

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
        JobConfig job = job();
        return (job.data().keyed().adapter().isPresent()
                        ? new KeyedRun(job, ifRunExists()).run()
                        : new TrainingRun(job, ifRunExists()).run())
                .code();
    }

    private JobConfig job() throws IOException {
        if (config != null && options.areGiven()) {
            throw new UsageException(
                    "usage.options-conflict",
                    "--config names a job; --model, --train, --validation, --text, --label and --task make one: give either");
        }
        if (config != null && SweepFile.isSweep(config)) {
            throw new UsageException(
                    "usage.options-conflict",
                    config + " is a sweep file; train its trials with sweep --config " + config);
        }
        if (config != null) {
            return overrides.read(config, Optional.ofNullable(output));
        }
        if (!options.areGiven()) {
            throw new UsageException(
                    "usage.option-missing", "train needs --config FILE, or --model DIR and --train FILE");
        }
        JobDraft draft = options.draft(Optional.ofNullable(output));
        if (ifRunExists() == IfRunIsThere.REFUSE) {
            OutputGuard.refuseNonEmpty(Locations.directory(draft.output()));
        }
        return overrides.read(draft.yaml());
    }

    private IfRunIsThere ifRunExists() {
        if (resume) {
            return IfRunIsThere.RESUME;
        }
        return overwrite ? IfRunIsThere.OVERWRITE : IfRunIsThere.REFUSE;
    }
}
