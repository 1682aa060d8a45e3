package org.sparklora.driver.run.loop;

/** Stores checkpoints from which a run can resume. Called from the driver's thread, after the listener. */
public interface Checkpointer {

    /** Stores nothing. */
    Checkpointer NONE = new Checkpointer() {
        @Override
        public boolean wants(long stepsDone) {
            return false;
        }

        @Override
        public void reached(TrainingCheckpoint checkpoint) {}
    };

    /**
     * Whether to store a checkpoint within an epoch. One at an epoch's end is always offered.
     *
     * @param stepsDone steps of the whole run, at least 1
     */
    boolean wants(long stepsDone);

    /** Stores a checkpoint. An exception ends the run. */
    void reached(TrainingCheckpoint checkpoint);
}
