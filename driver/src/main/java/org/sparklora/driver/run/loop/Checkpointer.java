package org.sparklora.driver.run.loop;

/** Who keeps points of a run from which it can go on. Called from the driver's thread, after the listener. */
public interface Checkpointer {

    /** Keeps nothing. */
    Checkpointer NONE = new Checkpointer() {
        @Override
        public boolean wants(long stepsDone) {
            return false;
        }

        @Override
        public void reached(TrainingCheckpoint point) {}
    };

    /**
     * Whether to be told of a point in mid-epoch; of an epoch's end it is told in any case.
     *
     * @param stepsDone steps of the whole run, at least 1
     */
    boolean wants(long stepsDone);

    /** The run has come to this point. When it throws, the run fails. */
    void reached(TrainingCheckpoint point);
}
