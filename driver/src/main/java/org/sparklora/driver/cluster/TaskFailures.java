package org.sparklora.driver.cluster;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.commons.lang3.exception.ExceptionUtils;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkException;
import org.apache.spark.TaskFailedReason;
import org.apache.spark.TaskKilled;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerEvent;
import org.apache.spark.scheduler.SparkListenerStageSubmitted;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.storage.RDDInfo;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.cluster.failure.SparkSentences;
import scala.collection.JavaConverters;

/**
 * Remembers the task whose failure ends a job, with the typed reason that Spark's listeners get. The exception of a job has
 * no cause, but only a sentence, if a barrier stage failed or an executor was lost.
 *
 * <p>Spark fails a barrier stage with its first task that fails, and any other job with the last failure of a task that it
 * has repeated often enough.
 */
final class TaskFailures extends SparkListener implements AutoCloseable {

    private static final String JOB_GROUP = "spark.jobGroup.id";

    /** Spark reports events within milliseconds, unless another listener holds its thread. */
    private static final long MAX_WAIT_SECONDS = 10;

    private final SparkContext spark;
    private String group = "";

    /** Stages of the group: whether they are barrier stages. */
    private final Map<Integer, Boolean> barriers = new HashMap<>();

    private @Nullable TaskFailedReason decisive;

    /** Reaches this listener after all events that Spark has posted before. */
    private static final class Mark extends CountDownLatch implements SparkListenerEvent {

        Mark() {
            super(1);
        }

        /** Not a part of Spark's event log. */
        @Override
        public boolean logEvent() {
            return false;
        }
    }

    private TaskFailures(SparkContext spark) {
        this.spark = spark;
    }

    /** Listens until it is closed. */
    static TaskFailures watch(SparkContext spark) {
        TaskFailures failures = new TaskFailures(spark);
        spark.addSparkListener(failures);
        return failures;
    }

    /** Forgets earlier jobs. Those that count now belong to a job group of Spark. */
    synchronized void begin(String jobGroup) {
        group = jobGroup;
        barriers.clear();
        decisive = null;
    }

    /** The failed task, if Spark failed the job because of it and does not say so in the failure; else the failure. */
    Throwable causeOf(Exception failure) {
        Throwable root = ExceptionUtils.getThrowableList(failure).get(ExceptionUtils.getThrowableCount(failure) - 1);
        boolean told =
                !(root instanceof SparkException) || SparkSentences.isCancelled(String.valueOf(root.getMessage()));
        if (told || spark.isStopped()) {
            return failure;
        }
        Mark mark = new Mark();
        spark.listenerBus().post(mark);
        try {
            if (!mark.await(MAX_WAIT_SECONDS, TimeUnit.SECONDS)) {
                return failure;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        synchronized (this) {
            return decisive == null ? failure : TaskException.of(decisive);
        }
    }

    @Override
    public synchronized void onStageSubmitted(SparkListenerStageSubmitted stage) {
        if (isOfGroup(stage, group)) {
            barriers.put(stage.stageInfo().stageId(), isBarrier(stage));
            decisive = null;
        }
    }

    static boolean isOfGroup(SparkListenerStageSubmitted stage, String group) {
        return stage.properties() != null && group.equals(stage.properties().getProperty(JOB_GROUP));
    }

    static boolean isBarrier(SparkListenerStageSubmitted stage) {
        return JavaConverters.seqAsJavaList(stage.stageInfo().rddInfos()).stream()
                .anyMatch(RDDInfo::isBarrier);
    }

    @Override
    public synchronized void onTaskEnd(SparkListenerTaskEnd end) {
        Boolean barrier = barriers.get(end.stageId());
        if (barrier != null && end.reason() instanceof TaskFailedReason failed) {
            // Spark repeats a killed task of an ordinary stage as often as needed.
            if (barrier ? decisive == null : !(failed instanceof TaskKilled)) {
                decisive = failed;
            }
        }
    }

    @Override
    public void onOtherEvent(SparkListenerEvent event) {
        if (event instanceof Mark mark) {
            mark.countDown();
        }
    }

    @Override
    public void close() {
        spark.removeSparkListener(this);
    }
}
