package org.sparklora.driver.cluster.failure;

import java.util.List;
import java.util.regex.Pattern;

/**
 * Everything about a failure that is read from a sentence, because Spark 3.5 and 4 offer nothing else. All other decisions
 * use classes of exceptions and the end reasons of tasks, see {@code TaskFailures}.
 */
public final class SparkSentences {

    /** Spark's setting that limits the results of a job's tasks. */
    public static final String MAX_RESULT_SIZE = "spark.driver.maxResultSize";

    private static final Pattern CANCELLED = Pattern.compile("\\bJob \\d+ cancelled\\b");

    private static final Pattern BY_ITS_STAGE = Pattern.compile("cancelled because Stage \\d+ was\\b");

    private static final Pattern NO_MEMORY = Pattern.compile("not enough memory|can't allocate memory");

    private SparkSentences() {}

    /** Spark aborts the job with a plain SparkException, and says that the tasks were killed. */
    public static boolean isResultTooLarge(String message) {
        return message.contains(MAX_RESULT_SIZE);
    }

    /** A plain SparkException in Spark 3.5. In Spark 4 it has an error class, the same for each of the cases below. */
    public static boolean isCancelled(String message) {
        return CANCELLED.matcher(message).find();
    }

    /**
     * Whether a person cancelled the job, in Spark's web page or through its API. A cancelled stage does not count, since a
     * scheduler may have cancelled it. Both have the same class.
     */
    public static boolean isCancelledOnPurpose(String message) {
        return isCancelled(message) && !BY_ITS_STAGE.matcher(message).find();
    }

    /** Whether Spark gave an executor back that it no longer needed. The event of a removed executor has a text alone. */
    public static boolean isReleased(String reason) {
        return List.of("Executor killed by driver.", "Executor decommission: spark scale down")
                .contains(reason.strip());
    }

    /**
     * Whether a job failed because of the cluster, not of what its tasks read. Spark tells both by a plain SparkException, which
     * quotes the task's end.
     */
    public static boolean isOfCluster(String message) {
        return message.contains("ExecutorLostFailure")
                || isCancelled(message)
                || isStopped(message)
                || isResultTooLarge(message);
    }

    /** Spark throws an IllegalStateException, as many others do. */
    public static boolean isStopped(String message) {
        return message.contains("stopped SparkContext");
    }

    /** PyTorch has one class of exception for all its errors. */
    public static boolean lacksMemory(String message) {
        return NO_MEMORY.matcher(message).find();
    }
}
