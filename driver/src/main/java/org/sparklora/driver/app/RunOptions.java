package org.sparklora.driver.app;

import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.training.TrainedRun;
import picocli.CommandLine.Option;

/** Options of the commands that read a finished run. */
final class RunOptions {

    @Option(names = "--run", required = true, paramLabel = "DIR", description = "The directory of a finished run.")
    private String run = "";

    @Option(
            names = "--base",
            paramLabel = "DIR",
            description = "The base model's directory, if it has moved since the run.")
    private @Nullable String base;

    TrainedRun read() {
        return TrainedRun.read(run, Optional.ofNullable(base));
    }
}
