package org.sparklora.driver.app;

import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.training.TrainedRun;
import picocli.CommandLine.Option;

/** Options of the commands that read a finished run. */
final class RunOptions {

    @Option(names = "--run", required = true, paramLabel = "DIR")
    private String run = "";

    @Option(names = "--base", paramLabel = "DIR")
    private @Nullable String base;

    TrainedRun read() {
        return TrainedRun.read(run, Optional.ofNullable(base));
    }
}
