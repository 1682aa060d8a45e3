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

    @Option(names = "--adapter", paramLabel = "KEY")
    private @Nullable String adapter;

    /** The run, or the one of the key that the options choose. */
    TrainedRun read() {
        TrainedRun trained = TrainedRun.read(run, Optional.ofNullable(base));
        return adapter == null ? trained : trained.ofKey(adapter);
    }

    /** Whether the options choose the adapter of a key. */
    boolean choosesAdapter() {
        return adapter != null;
    }
}
