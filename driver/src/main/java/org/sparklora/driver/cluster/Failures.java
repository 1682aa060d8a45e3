package org.sparklora.driver.cluster;

import java.util.Iterator;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.commons.lang3.exception.ExceptionUtils;
import org.sparklora.driver.cluster.data.DataException;
import org.sparklora.worker.allreduce.PeerException;
import org.sparklora.worker.encoder.ModelException;
import org.sparklora.worker.safetensors.WeightsException;
import org.sparklora.worker.spark.CacheStorageException;

/** Classifies the failure of a Spark job, and summarizes it in one line. */
final class Failures {

    private Failures() {}

    /** Invalid input, or an executor without disk space: a repetition would fail in the same way. */
    private static final Set<String> FINAL = Set.of(
            DataException.class.getName(),
            ModelException.class.getName(),
            WeightsException.class.getName(),
            CacheStorageException.class.getName());

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
                failure, message -> QuotedException.in(message).stream().anyMatch(q -> FINAL.contains(q.type())));
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
