package org.sparklora.driver.cluster;

import org.apache.spark.ExceptionFailure;
import org.apache.spark.ExecutorLostFailure;
import org.apache.spark.FetchFailed;
import org.apache.spark.TaskFailedReason;
import org.jspecify.annotations.Nullable;

/** The end of a task that failed, as Spark's scheduler knows it. The message is one line; the cause is what the task threw. */
final class TaskException extends Exception {

    private static final long serialVersionUID = 1L;

    private final String type;

    private TaskException(String type, String message, @Nullable Throwable cause) {
        super(message.lines().findFirst().orElse(type).strip(), cause);
        this.type = type;
    }

    static TaskException of(TaskFailedReason reason) {
        String type = reason.getClass().getName();
        if (reason instanceof ExceptionFailure thrown) {
            // Without a cause if the driver cannot read the exception: then its class and frames are known.
            TaskException failure = new TaskException(
                    thrown.className(),
                    thrown.toErrorString(),
                    thrown.exception().isDefined() ? thrown.exception().get() : null);
            failure.setStackTrace(thrown.stackTrace());
            return failure;
        }
        if (reason instanceof ExecutorLostFailure lost) {
            String why = lost.reason().isDefined() ? lost.reason().get().strip() : "for an unknown reason";
            return new TaskException(type, "executor " + lost.execId() + " was lost: " + why, null);
        }
        String message = reason instanceof FetchFailed fetch ? fetch.message() : reason.toErrorString();
        return new TaskException(type, message, null);
    }

    /** Name of the class of a failure: that of the exception in the task, if a task failed. */
    static String type(Throwable failure) {
        return failure instanceof TaskException task
                ? task.type
                : failure.getClass().getName();
    }
}
