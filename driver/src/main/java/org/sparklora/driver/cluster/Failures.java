package org.sparklora.driver.cluster;

import java.io.IOException;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeoutException;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.commons.lang3.exception.ExceptionUtils;
import org.apache.spark.SparkException;
import org.sparklora.driver.cluster.data.DataException;
import org.sparklora.worker.allreduce.PeerException;
import org.sparklora.worker.contract.HostException;
import org.sparklora.worker.encoder.ModelException;
import org.sparklora.worker.safetensors.WeightsException;
import org.sparklora.worker.spark.CacheStorageException;

/** Classifies the failure of a Spark job, and summarizes it in one line. */
public final class Failures {

    /** Spark's setting that limits the results of a job's tasks. Its message about too large results names it. */
    public static final String MAX_RESULT_SIZE = "spark.driver.maxResultSize";

    private Failures() {}

    /** Spark's own class, which only its packages may name. */
    private static final String NO_SLOTS = "org.apache.spark.scheduler.BarrierJobSlotsNumberCheckFailed";

    /** Invalid input, or an executor without disk space: a repetition would fail in the same way. */
    private static final Set<String> FINAL = Set.of(
            DataException.class.getName(),
            HostException.class.getName(),
            ModelException.class.getName(),
            WeightsException.class.getName(),
            CacheStorageException.class.getName());

    /** Exceptions that are thrown where code is wrong, or meets what it did not expect. */
    private static final Pattern DEFECT = Pattern.compile(
            "\\b(java\\.lang\\.(NullPointer|IllegalArgument|IllegalState|ClassCast"
                    + "|Arithmetic|UnsupportedOperation|NegativeArraySize|ArrayStore|(Array|String)?IndexOutOfBounds)Exception"
                    + "|java\\.lang\\.AssertionError|java\\.util\\.NoSuchElementException|ai\\.djl\\.engine\\.EngineException)\\b.*");

    /** Frames of the JDK and of Scala, then one of ours or of the engine that we call. */
    private static final Pattern OURS = Pattern.compile(
            "(\\R\\s*at (java|jdk|sun|scala)[./].*)*\\R\\s*at (org\\.sparklora|ai\\.djl)\\..*", Pattern.UNIX_LINES);

    /** Such an exception may only pass on a fault of memory, disk or network, or an interruption. */
    private static final Pattern NO_DEFECT =
            Pattern.compile("Caused by: java\\.(io|net|nio|lang\\.Interrupted|util\\.concurrent)"
                    + "|OutOfMemoryError|not enough memory|can't allocate memory");

    /** The job was cancelled, in Spark's web page or through its API. */
    private static final Pattern CANCELLED = Pattern.compile("\\bJob \\d+ cancelled\\b(?! because Stage \\d+ was)");

    /** Spark's message about a task whose executor died. */
    private static final Pattern LOST =
            Pattern.compile("ExecutorLostFailure \\(executor (\\S+) .*?\\) Reason: (.*?)(?:\\R|$)");

    /** Precedes the reason of a barrier stage's failure. */
    private static final String REASON = "Most recent failure reason: ";

    /** Precedes a barrier task's own failure. */
    private static final String BARRIER = "finished unsuccessfully.";

    /** Whether a repetition would fail in the same way. */
    static boolean isFinal(Throwable failure) {
        return anyMessage(
                failure,
                message -> message.contains(MAX_RESULT_SIZE)
                        || QuotedException.in(message).stream().anyMatch(q -> FINAL.contains(q.type())));
    }

    /**
     * Whether our own code failed, not Spark, a file system or the network. Spark only quotes what tasks throw, so this reads
     * the class of the exception and where its stack trace begins.
     */
    public static boolean isDefect(Throwable failure) {
        List<Throwable> causes = ExceptionUtils.getThrowableList(failure);
        boolean passedOn = causes.stream()
                .anyMatch(t ->
                        t instanceof IOException || t instanceof InterruptedException || t instanceof TimeoutException);
        return !passedOn && causes.stream().map(Failures::trace).anyMatch(Failures::quotesDefect);
    }

    /** Our exceptions with their frames, as Spark quotes them; Spark's exceptions are named by Spark's own text. */
    private static String trace(Throwable failure) {
        return failure instanceof SparkException
                ? String.valueOf(failure.getMessage())
                : failure + "\n\tat "
                        + Arrays.stream(failure.getStackTrace())
                                .map(StackTraceElement::toString)
                                .collect(Collectors.joining("\n\tat "));
    }

    private static boolean quotesDefect(String trace) {
        Matcher thrown = DEFECT.matcher(trace);
        return thrown.find()
                && OURS.matcher(trace.substring(thrown.end())).lookingAt()
                && !NO_DEFECT.matcher(trace).find();
    }

    /** Whether Spark did not start a barrier stage, because fewer slots are there than tasks. */
    static boolean lacksSlots(Throwable failure) {
        return ExceptionUtils.getThrowableList(failure).stream()
                .anyMatch(cause -> cause.getClass().getName().equals(NO_SLOTS));
    }

    /**
     * Whether the job was cancelled on purpose. A cancelled stage does not count, since a scheduler may have cancelled it.
     */
    static boolean isCancellation(Throwable failure) {
        return failure instanceof InterruptedException
                || anyMessage(failure, message -> CANCELLED.matcher(message).find());
    }

    /** Whether a condition holds for the class and message of a failure or of one of its causes. */
    static boolean anyMessage(Throwable failure, Predicate<String> holds) {
        return ExceptionUtils.getThrowableList(failure).stream()
                .map(Throwable::toString)
                .anyMatch(holds);
    }

    /**
     * Summarizes a failure in one line: what a rank reported about another, or that an executor was lost, or else the first
     * line of the innermost message. Spark's own message holds the task's whole stack trace.
     */
    static String summary(Throwable failure) {
        for (Throwable t : ExceptionUtils.getThrowableList(failure)) {
            for (QuotedException quoted : QuotedException.in(String.valueOf(t.getMessage()))) {
                if (quoted.type().equals(PeerException.class.getName())) {
                    return quoted.message();
                }
            }
        }
        Throwable inner = ExceptionUtils.getThrowableList(failure).get(ExceptionUtils.getThrowableCount(failure) - 1);
        String message = inner.getMessage() == null ? "" : inner.getMessage();
        Matcher lost = LOST.matcher(message);
        if (lost.find()) {
            return "executor " + lost.group(1) + " was lost: " + lost.group(2).strip();
        }
        Iterator<String> lines = message.lines()
                .map(String::strip)
                .filter(line -> !line.isEmpty())
                .iterator();
        String first = lines.hasNext() ? lines.next() : inner.getClass().getSimpleName();
        String reason = first.substring(first.indexOf(REASON) < 0 ? 0 : first.indexOf(REASON) + REASON.length());
        return reason.endsWith(BARRIER) && lines.hasNext() ? lines.next() : reason;
    }
}
