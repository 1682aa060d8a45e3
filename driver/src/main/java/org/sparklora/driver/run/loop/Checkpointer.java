package org.sparklora.driver.run.loop;

/** Stores checkpoints from which a run can resume. Called from the driver's thread, after the listener. */
@FunctionalInterface
public interface Checkpointer {

    /**
     * Whether to store a checkpoint within an epoch. One before its validation and one at its end are always offered.
     *
     * @param stepsDone steps of the whole run, at least 1
     */
    default boolean wants(long stepsDone) {
        return false;
    }

    /** Stores a checkpoint. An exception ends the run. */
    void reached(TrainingCheckpoint checkpoint);

    /** Returns what stores a checkpoint of this moment, in case the run ends before it makes another. */
    default Runnable remember(TrainingCheckpoint checkpoint) {
        return () -> reached(checkpoint);
    }
}
