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
 * How far running tasks are: what they have added to an accumulator by their executors' last heartbeat (every 10 s unless
 * spark.executor.heartbeatInterval says otherwise). Told from Spark's listener thread.
 */
final class TaskProgress extends SparkListener {

    private final long accumulator;
    private final LongConsumer told;
    private final Map<Long, Long> byTask = new ConcurrentHashMap<>();
    private volatile long last;

    private TaskProgress(LongAccumulator accumulator, LongConsumer told) {
        this.accumulator = accumulator.id();
        this.told = told;
    }

    /** Does work whose tasks add to an accumulator, and tells on the way how far they are. */
    static void watch(JavaSparkContext spark, LongAccumulator accumulator, LongConsumer told, Runnable work) {
        TaskProgress progress = new TaskProgress(accumulator, told);
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
            told.accept(sum);
        }
    }
}
