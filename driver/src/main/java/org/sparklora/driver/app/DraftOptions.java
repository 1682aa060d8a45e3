package org.sparklora.driver.app;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
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
    private @Nullable String validation;

    @Option(names = "--text", paramLabel = "COLUMN")
    private @Nullable String text;

    @Option(names = "--label", paramLabel = "COLUMN")
    private @Nullable String label;

    @Option(names = "--task", paramLabel = "TASK")
    private @Nullable String task;

    /** Whether any of the options is given. */
    boolean areGiven() {
        return Arrays.asList(model, train, validation, text, label, task).stream()
                .anyMatch(option -> option != null);
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
                Optional.ofNullable(validation),
                new SourceLook.Given(
                        Optional.ofNullable(text),
                        Optional.ofNullable(label),
                        Optional.ofNullable(task).map(DraftOptions::task)),
                output.orElseGet(() -> "out/" + JobDraft.name(rows)));
    }

    private static Task task(String name) {
        return Arrays.stream(Task.values())
                .filter(task -> word(task).equals(name))
                .findFirst()
                .orElseThrow(() -> new UsageException(
                        "usage.option-value",
                        "--task is one of "
                                + Arrays.stream(Task.values())
                                        .map(DraftOptions::word)
                                        .collect(Collectors.joining(", "))
                                + ", not '" + name + "'"));
    }

    private static String word(Task task) {
        return task.name().toLowerCase(Locale.ROOT);
    }
}
