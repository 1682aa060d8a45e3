package org.sparklora.driver.app;

import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.training.sweep.SweepRun;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(name = "sweep", mixinStandardHelpOptions = true)
final class SweepCommand implements Callable<Integer> {

    @Option(names = "--config", required = true, paramLabel = "FILE")
    private Path config = Path.of("");

    @Mixin
    private JobOverrides overrides = new JobOverrides();

    @Option(names = "--output", paramLabel = "DIR")
    private @Nullable String output;

    @Option(names = "--resume")
    private boolean resume;

    @Override
    public Integer call() throws Exception {
        return new SweepRun(overrides.readSweep(config, Optional.ofNullable(output)), resume)
                .run()
                .code();
    }
}
