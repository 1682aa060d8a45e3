package org.sparklora.driver.run.loop;

/** Who wants to know that something failed and that the run goes on. Called from the driver's thread. */
public interface FailureListener {

    /**
     * Steps failed and will be done again from the last state that counts.
     *
     * @param step global number of the first step to do again
     * @param attempt failures in a row, from 1
     */
    void failed(int epoch, long step, int attempt, String message);

    /** The steps that had failed are done. */
    void recovered(int epoch, long step, int ranks);
}
