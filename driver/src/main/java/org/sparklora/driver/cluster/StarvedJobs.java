package org.sparklora.driver.cluster;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.IntSupplier;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorRemoved;
import org.apache.spark.scheduler.SparkListenerStageCompleted;
import org.apache.spark.scheduler.SparkListenerStageSubmitted;
import org.apache.spark.scheduler.SparkListenerTaskStart;

/**
 * Cancels a job whose executors went before its tasks could start. Spark would let a barrier stage wait until all its tasks have
 * a slot, and any other stage until one has, for ever if need be. A run waits outside any job instead, where the wait has
 * an end and the next job can have fewer ranks.
 */
final class StarvedJobs extends SparkListener {

    private final IntSupplier slots;
    private final Consumer<String> cancelJobGroup;
    private String group = "";
    private boolean starved;

    /** By stage: the slots without which it cannot go on. */
    private final Map<Integer, Integer> needed = new HashMap<>();

    private final Set<Integer> barriers = new HashSet<>();

    /**
     * Creates the watch of one run.
     *
     * @param slots counts the tasks that can run at once now
     */
    StarvedJobs(IntSupplier slots, Consumer<String> cancelJobGroup) {
        this.slots = slots;
        this.cancelJobGroup = cancelJobGroup;
    }

    /** Forgets earlier jobs. Those that count now belong to a job group of Spark. */
    synchronized void begin(String jobGroup) {
        group = jobGroup;
        starved = false;
        needed.clear();
        barriers.clear();
    }

    /** Whether the job was cancelled here. */
    synchronized boolean isStarved() {
        return starved;
    }

    @Override
    public synchronized void onStageSubmitted(SparkListenerStageSubmitted stage) {
        if (TaskFailures.isOfGroup(stage, group)) {
            int id = stage.stageInfo().stageId();
            if (TaskFailures.isBarrier(stage)) {
                barriers.add(id);
                needed.put(id, stage.stageInfo().numTasks());
            } else {
                needed.put(id, 1);
            }
            // Spark counted before it told this listener.
            check();
        }
    }

    /** The tasks of a barrier stage start together, and Spark fails the stage if one is lost. */
    @Override
    public synchronized void onTaskStart(SparkListenerTaskStart task) {
        if (barriers.contains(task.stageId())) {
            needed.remove(task.stageId());
        }
    }

    @Override
    public synchronized void onStageCompleted(SparkListenerStageCompleted stage) {
        needed.remove(stage.stageInfo().stageId());
    }

    @Override
    public synchronized void onExecutorRemoved(SparkListenerExecutorRemoved removed) {
        check();
    }

    private void check() {
        int most = needed.values().stream().mapToInt(tasks -> tasks).max().orElse(0);
        if (!starved && most > 0 && slots.getAsInt() < most) {
            starved = true;
            cancelJobGroup.accept(group);
        }
    }
}
