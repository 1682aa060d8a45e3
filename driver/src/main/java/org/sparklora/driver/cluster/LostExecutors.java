package org.sparklora.driver.cluster;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.ExecutorLostFailure;
import org.apache.spark.SparkContext;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorAdded;
import org.apache.spark.scheduler.SparkListenerExecutorRemoved;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.scheduler.SparkListenerTaskStart;
import org.apache.spark.scheduler.TaskInfo;
import org.sparklora.driver.cluster.failure.SparkSentences;
import org.sparklora.driver.run.loop.LostExecutor;
import org.sparklora.driver.run.loop.LostExecutor.RunPhase;
import org.sparklora.driver.run.loop.RunListener;

/**
 * Collects the executors that a run loses, also where Spark repeats their tasks and no job fails. Spark reports them on its
 * listener thread; the run's own thread takes them between two jobs, so that they never interrupt a segment's events.
 */
public final class LostExecutors extends SparkListener implements AutoCloseable {

    private final SparkContext spark;
    private final Map<String, String> hosts = new HashMap<>();

    /** By executor: when each of its running tasks began, in milliseconds since the epoch. */
    private final Map<String, Map<Long, Long>> running = new HashMap<>();

    private final List<LostExecutor> lost = new ArrayList<>();
    private RunPhase phase = RunPhase.READING;

    private LostExecutors(SparkContext spark) {
        this.spark = spark;
    }

    /** Collects from now on until it is closed. The first phase is reading. */
    public static LostExecutors watch(SparkContext spark) {
        LostExecutors executors = new LostExecutors(spark);
        spark.addSparkListener(executors);
        return executors;
    }

    /** The run does something else from now on. */
    synchronized void enter(RunPhase next) {
        phase = next;
    }

    /** Reports what was lost since the last call, in order. */
    public void report(RunListener listener) {
        take().forEach(listener::executorLost);
    }

    private synchronized List<LostExecutor> take() {
        List<LostExecutor> taken = List.copyOf(lost);
        lost.clear();
        return taken;
    }

    @Override
    public synchronized void onExecutorAdded(SparkListenerExecutorAdded added) {
        hosts.put(added.executorId(), added.executorInfo().executorHost());
    }

    @Override
    public synchronized void onTaskStart(SparkListenerTaskStart start) {
        TaskInfo task = start.taskInfo();
        hosts.put(task.executorId(), task.host());
        running.computeIfAbsent(task.executorId(), none -> new HashMap<>()).put(task.taskId(), task.launchTime());
    }

    @Override
    public synchronized void onTaskEnd(SparkListenerTaskEnd end) {
        // Spark may report such an end before or after its executor, to which the task's time belongs.
        if (!(end.reason() instanceof ExecutorLostFailure)) {
            running.getOrDefault(end.taskInfo().executorId(), new HashMap<>())
                    .remove(end.taskInfo().taskId());
        }
    }

    @Override
    public synchronized void onExecutorRemoved(SparkListenerExecutorRemoved removed) {
        String executor = removed.executorId();
        Map<Long, Long> tasks = running.getOrDefault(executor, Map.of());
        running.remove(executor);
        if (tasks.isEmpty() && SparkSentences.isReleased(removed.reason())) {
            return;
        }
        double seconds = tasks.values().stream()
                        .mapToLong(began -> removed.time() - began)
                        .sum()
                / 1000.0;
        String host = hosts.getOrDefault(executor, "unknown");
        lost.add(new LostExecutor(phase, executor, host, removed.reason().strip(), seconds));
    }

    /** What is lost until now can still be reported. */
    @Override
    public void close() {
        spark.removeSparkListener(this);
    }
}
