package org.sparklora.driver.cluster;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongConsumer;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.scheduler.AccumulableInfo;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorMetricsUpdate;
import org.apache.spark.util.LongAccumulator;
import scala.collection.JavaConverters;

/**
 * Progress of running tasks: what they have added to an accumulator by their executors' last heartbeat, every 10 s by default
 * (spark.executor.heartbeatInterval). Reported from Spark's listener thread.
 */
final class TaskProgress extends SparkListener {

    private final long accumulator;
    private final LongConsumer listener;
    private final Map<Long, Long> byTask = new ConcurrentHashMap<>();
    private volatile long last;

    private TaskProgress(LongAccumulator accumulator, LongConsumer listener) {
        this.accumulator = accumulator.id();
        this.listener = listener;
    }

    /** Runs jobs whose tasks add to an accumulator, and reports its growing value meanwhile. */
    static void watch(JavaSparkContext spark, LongAccumulator accumulator, LongConsumer listener, Runnable work) {
        TaskProgress progress = new TaskProgress(accumulator, listener);
        spark.sc().addSparkListener(progress);
        try {
            work.run();
        } finally {
            spark.sc().removeSparkListener(progress);
        }
    }

    @Override
    public void onExecutorMetricsUpdate(SparkListenerExecutorMetricsUpdate heartbeat) {
        for (var task : JavaConverters.seqAsJavaList(heartbeat.accumUpdates())) {
            for (AccumulableInfo info : JavaConverters.seqAsJavaList(task._4())) {
                if (info.id() == accumulator && info.update().isDefined()) {
                    byTask.put((Long) task._1(), ((Number) info.update().get()).longValue());
                }
            }
        }
        long sum = byTask.values().stream().mapToLong(Long::longValue).sum();
        if (sum > last) {
            last = sum;
            listener.accept(sum);
        }
    }
}
