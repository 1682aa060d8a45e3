package org.sparklora.driver.run.checkpoint;

/** No checkpoint of a run can be used; the message says what is wrong with each and what to do. */
public final class CheckpointException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public CheckpointException(String message) {
        super(message);
    }
}
