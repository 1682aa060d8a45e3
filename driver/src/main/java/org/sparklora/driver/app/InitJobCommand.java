package org.sparklora.driver.app;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.run.history.OutputException;
import org.sparklora.driver.training.Console;
import org.sparklora.driver.training.ExitCode;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(name = "init-job", mixinStandardHelpOptions = true)
final class InitJobCommand implements Callable<Integer> {

    @Option(names = "--config", required = true, paramLabel = "FILE")
    private Path config = Path.of("");

    @Mixin
    private DraftOptions options = new DraftOptions();

    @Option(names = "--output", paramLabel = "DIR")
    private @Nullable String output;

    @Override
    public Integer call() throws IOException {
        if (Files.exists(config)) {
            throw new OutputException("output.occupied", config + " exists; choose another --config, or delete it");
        }
        String yaml = options.draft(Optional.ofNullable(output)).yaml();
        Files.writeString(config, yaml, StandardOpenOption.CREATE_NEW);
        Console.out("%s is written; train it with --config %s", config, config);
        return ExitCode.OK.code();
    }
}
