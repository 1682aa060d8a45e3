package org.sparklora.driver.app;

import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.cluster.data.SourceLook;
import org.sparklora.driver.job.config.Task;
import org.sparklora.driver.training.JobDraft;
import org.sparklora.driver.training.UsageException;
import picocli.CommandLine.Option;

/** The options that stand for a job file. */
final class DraftOptions {

    @Option(names = "--model", paramLabel = "DIR")
    private @Nullable String model;

    @Option(names = "--train", paramLabel = "FILE")
    private @Nullable String train;

    @Option(names = "--validation", paramLabel = "FILE")
    private Optional<String> validation = Optional.empty();

    @Option(names = "--text", paramLabel = "COLUMN")
    private Optional<String> text = Optional.empty();

    @Option(names = "--label", paramLabel = "COLUMN")
    private Optional<String> label = Optional.empty();

    @Option(names = "--task", paramLabel = "TASK")
    private Optional<String> task = Optional.empty();

    /** Whether any of the options is given. */
    boolean areGiven() {
        return model != null
                || train != null
                || Stream.of(validation, text, label, task).anyMatch(Optional::isPresent);
    }

    /** @param output instead of a directory that is named by the rows */
    JobDraft draft(Optional<String> output) {
        if (model == null || train == null) {
            throw new UsageException("usage.option-missing", "a job without a file needs --model and --train");
        }
        String rows = train;
        return new JobDraft(
                model,
                rows,
                validation,
                new SourceLook.Given(text, label, task.map(name -> RowOptions.choice(Task.class, "--task", name))),
                output.orElseGet(() -> "out/" + JobDraft.name(rows)));
    }
}
