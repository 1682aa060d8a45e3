package org.sparklora.driver.cluster;

import java.util.Iterator;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.sparklora.driver.cluster.data.DataException;
import org.sparklora.worker.allreduce.PeerException;
import org.sparklora.worker.encoder.ModelException;
import org.sparklora.worker.safetensors.WeightsException;
import org.sparklora.worker.spark.CacheStorageException;

/** What a failed Spark job says: in a line for a person, and whether it makes sense to do the job again. */
final class Failures {

    private Failures() {}

    /** Wrong input, or an executor without room. Doing the job again would find it again. */
    private static final Set<String> FINAL = Set.of(
            DataException.class.getName(),
            ModelException.class.getName(),
            WeightsException.class.getName(),
            CacheStorageException.class.getName());

    /** Somebody cancelled the job, in Spark's web page or through its interface. */
    private static final Pattern CANCELLED = Pattern.compile("\\bJob \\d+ cancelled\\b(?! because Stage \\d+ was)");

    /** How Spark tells that an executor died under a task; it blames the task. */
    private static final Pattern LOST =
            Pattern.compile("ExecutorLostFailure \\(executor (\\S+) .*?\\) Reason: (.*?)(?:\\R|$)");

    /** What Spark says before the reason of a barrier stage's failure. */
    private static final String REASON = "Most recent failure reason: ";

    /** What Spark says before a barrier task's own failure. */
    private static final String BARRIER = "finished unsuccessfully.";

    /** Whether a task found what no repetition mends: wrong data, a wrong model, no room. */
    static boolean isFinal(Throwable failure) {
        return anyMessage(
                failure, message -> QuotedException.in(message).stream().anyMatch(q -> FINAL.contains(q.type())));
    }

    /**
     * Whether a person, or a program, cancelled the job, and it did not fail. A cancelled stage is no such thing: a
     * scheduler may have done that.
     */
    static boolean isCancellation(Throwable failure) {
        return failure instanceof InterruptedException
                || anyMessage(failure, message -> CANCELLED.matcher(message).find());
    }

    private static boolean anyMessage(Throwable failure, Predicate<String> holds) {
        for (Throwable t = failure; t != null; t = t.getCause()) {
            if (holds.test(t.toString())) {
                return true;
            }
        }
        return false;
    }

    /**
     * What a rank said of another, or that an executor was lost, or else the innermost message's first line that says
     * something: Spark's own holds the whole trace of the task.
     */
    static String summary(Throwable failure) {
        Throwable inner = failure;
        for (Throwable t = failure; t != null; t = t.getCause()) {
            for (QuotedException quoted : QuotedException.in(String.valueOf(t.getMessage()))) {
                if (quoted.type().equals(PeerException.class.getName())) {
                    return quoted.message();
                }
            }
            inner = t;
        }
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
        String said = first.substring(first.indexOf(REASON) < 0 ? 0 : first.indexOf(REASON) + REASON.length());
        return said.endsWith(BARRIER) && lines.hasNext() ? lines.next() : said;
    }
}
