package org.sparklora.driver.run.loop;

import java.util.Locale;

/**
 * An executor that the cluster took from a run.
 *
 * @param phase what the run did then
 * @param executor Spark's id
 * @param host {@code unknown} if the executor was there before the run and has run nothing for it
 * @param reason in Spark's words
 * @param seconds work that is lost: the sum over the tasks that ran on it of the time since each began
 */
public record LostExecutor(RunPhase phase, String executor, String host, String reason, double seconds) {

    /** What a run uses executors for. */
    public enum RunPhase {
        READING,
        CACHING,
        TRAINING,
        VALIDATION;

        /** The name in the history. */
        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }
}
