package org.sparklora.driver.app;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.JobFile;
import picocli.CommandLine.Option;

/** {@code --set}, of every command that takes a job file. */
final class JobOverrides {

    @Option(
            names = "--set",
            paramLabel = "KEY=VALUE",
            description = "Overrides one key of the job file, e.g. --set training.batch_size=16. The value is YAML.")
    private List<String> all = new ArrayList<>();

    boolean isEmpty() {
        return all.isEmpty();
    }

    /**
     * The job of a file.
     *
     * @param output the run directory, instead of the file's
     */
    JobConfig read(Path file, Optional<String> output) {
        return JobFile.read(file, all, output);
    }

    /** The same for commands that write no run, so that a job file without an output will do. */
    JobConfig readWithoutOutput(Path file) {
        return read(file, Optional.of("out"));
    }
}
