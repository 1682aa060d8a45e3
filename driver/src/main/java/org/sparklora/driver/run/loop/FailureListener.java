package org.sparklora.driver.run.loop;

/** Receives failures from which the run recovers. Called from the driver's thread. */
public interface FailureListener {

    /**
     * Steps failed and will be repeated from the last committed state.
     *
     * @param step global number of the first step to repeat
     * @param attempt consecutive failures, from 1
     */
    void failed(int epoch, long step, int attempt, String message);

    /** The steps that had failed are done. */
    void recovered(int epoch, long step, int ranks);
}
