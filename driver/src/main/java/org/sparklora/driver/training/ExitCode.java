package org.sparklora.driver.training;

import java.io.IOException;
import java.nio.file.InvalidPathException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.spark.SparkException;
import org.sparklora.driver.cluster.Failures;
import org.sparklora.driver.cluster.QuotedException;
import org.sparklora.driver.cluster.failure.SparkSentences;
import org.sparklora.worker.contract.CodedException;
import org.sparklora.worker.contract.HostException;

/**
 * Exit codes of the process, and how errors become one of them. The first part of an error's code decides: {@code
 * data.label.missing} ends the process with {@link #DATA}. Spark itself uses 50 to 52.
 */
public enum ExitCode {
    OK(0),
    /** An unexpected error: a defect of spark-lora. */
    INTERNAL(1, "internal"),
    USAGE(2, "usage", "config", "manifest", "output", "settings"),
    DATA(3, "data"),
    MODEL(4, "model", "weights", "adapter", "tokenizer"),
    DIVERGED(5, "diverged"),
    CLUSTER(6, "cluster"),
    /** A checkpoint or another file of a run is damaged. */
    CHECKPOINT(7, "checkpoint", "run"),
    VERIFY(8, "verify"),
    CANCELLED(130, "cancelled");

    private static final Pattern CODE_AT_END = Pattern.compile("\\[([a-z]+)(?:\\.[a-z0-9-]+)+]$");

    private final int code;

    @SuppressWarnings("ImmutableEnumChecker") // List.of is immutable.
    private final List<String> kinds;

    ExitCode(int code, String... kinds) {
        this.code = code;
        this.kinds = List.of(kinds);
    }

    /** The number. */
    public int code() {
        return code;
    }

    /** The exit code of a failure. */
    public static ExitCode of(Throwable failure) {
        return ofErrorCode(message(failure)).orElse(INTERNAL);
    }

    /** The exit code for a message that ends in an error code; empty without one. */
    public static Optional<ExitCode> ofErrorCode(String message) {
        Matcher code = CODE_AT_END.matcher(message);
        return code.find()
                ? Arrays.stream(values())
                        .filter(exit -> exit.kinds.contains(code.group(1)))
                        .findFirst()
                : Optional.empty();
    }

    /**
     * The message of the first cause that is one of our exceptions, also if Spark passed it on from a task. One line that ends in
     * an error code; problems of a job file have such a line each.
     */
    public static String message(Throwable failure) {
        for (Throwable t = failure; t != null; t = t.getCause()) {
            if (t instanceof CodedException ours) {
                String message = String.valueOf(ours.getMessage());
                return USAGE.kinds.contains(ours.code().split("\\.")[0]) ? message : oneLine(message);
            }
        }
        for (Throwable t = failure; t != null; t = t.getCause()) {
            String message = String.valueOf(t.getMessage());
            if (t instanceof SparkException) {
                return ofSpark(t, message);
            }
            if (t instanceof IllegalStateException && SparkSentences.isStopped(message)) {
                return CodedException.withCode(
                        "cluster.stopped",
                        "the Spark application was stopped during the run, by a user or because the cluster shut down; see"
                                + " the log above. Run again with --resume");
            }
            if (t instanceof OutOfMemoryError) {
                return CodedException.withCode(
                        "internal.out-of-memory",
                        "the driver has too little memory: " + oneLine(message)
                                + "; give it more, for example with -- --driver-memory 4g");
            }
            if (t instanceof UnsatisfiedLinkError) {
                return String.valueOf(HostException.natives(t).getMessage());
            }
            if (t instanceof InvalidPathException) {
                return CodedException.withCode(
                        "usage.path", "a path is not valid: " + oneLine(message) + "; correct it");
            }
            if (t instanceof IOException) {
                return CodedException.withCode(
                        "internal.io",
                        "a file or connection failed: " + oneLine(t.toString())
                                + "; check the path, its permissions, the disk and the network");
            }
        }
        return CodedException.withCode(
                "internal.unexpected",
                "unexpected " + failure.getClass().getSimpleName() + ": "
                        + oneLine(String.valueOf(failure.getMessage()))
                        + "; this is a defect of spark-lora: run again with --debug and report the stack trace");
    }

    /** A failed job without a cause: Spark's message quotes the stack trace of the task. */
    private static String ofSpark(Throwable failure, String message) {
        for (QuotedException quoted : QuotedException.in(message)) {
            if (ofErrorCode(quoted.message()).isPresent()) {
                return quoted.message();
            }
        }
        String first = message.lines().findFirst().orElse("without a message");
        if (SparkSentences.isResultTooLarge(first)) {
            return CodedException.withCode(
                    "settings.result-size",
                    "the results of a Spark job are too large: " + first + "; set a larger size");
        }
        if (Failures.isDefect(failure)) {
            return CodedException.withCode(
                    "internal.task",
                    "internal error in a task: " + first
                            + "; this is a defect of spark-lora: run again with --debug and report the stack trace");
        }
        return CodedException.withCode(
                "cluster.job-failed", "the Spark job failed: " + first + "; run again with --debug for the details");
    }

    private static String oneLine(String message) {
        return message.strip().replaceAll("\\s*\\R\\s*", " ");
    }
}
