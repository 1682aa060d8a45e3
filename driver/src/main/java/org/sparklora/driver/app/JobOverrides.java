package org.sparklora.driver.app;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.JobFile;
import org.sparklora.driver.job.config.SweepConfig;
import org.sparklora.driver.job.config.SweepFile;
import org.sparklora.driver.training.UsageException;
import picocli.CommandLine.Option;

/** The option {@code --set} of the commands that read a job file. */
final class JobOverrides {

    @Option(names = "--set", paramLabel = "KEY=VALUE")
    private List<String> all = new ArrayList<>();

    boolean isEmpty() {
        return all.isEmpty();
    }

    /** @param output replaces the job file's run directory */
    JobConfig read(Path file, Optional<String> output) {
        if (output.filter(String::isEmpty).isPresent()) {
            throw new UsageException("usage.option-value", "--output is empty; name the run directory");
        }
        return JobFile.read(file, all, output);
    }

    /** @param output replaces the sweep file's folder */
    SweepConfig readSweep(Path file, Optional<String> output) {
        return SweepFile.read(file, all, output);
    }

    /** A job that was written, but not into a file. */
    JobConfig read(String yaml) {
        return JobFile.ofText(Path.of("the job of --model and --train"), yaml, all);
    }

    /** For commands that write no run. The job file then needs no output, and without one it is empty. */
    JobConfig readWithoutOutput(Path file) {
        return JobFile.read(file, all, Optional.of(""));
    }
}
