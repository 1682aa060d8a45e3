package org.sparklora.driver.job.sizing;

/**
 * The executors of a run.
 *
 * @param executors how many, at least 1
 * @param tasks of an executor at a time, at least 1
 * @param cores that an executor really has for them; fewer than tasks where executors share cores
 */
public record Cluster(int executors, int tasks, double cores) {

    public Cluster {
        if (executors < 1 || tasks < 1 || !(cores > 0)) {
            throw new IllegalArgumentException(
                    "a cluster needs at least 1 executor, 1 task and a part of a core, but this has " + executors + ", "
                            + tasks + " and " + cores);
        }
    }

    /** Executors with a core for each task. */
    public static Cluster of(int executors, int tasks) {
        return new Cluster(executors, tasks, tasks);
    }

    /** Tasks of the whole cluster at a time. */
    long slots() {
        return (long) executors * tasks;
    }
}
