package org.sparklora.driver.run.checkpoint;

import org.sparklora.worker.contract.CodedException;

/** No checkpoint of a run can be used. Exit code 7. */
public final class CheckpointException extends CodedException {

    private static final long serialVersionUID = 1L;

    public CheckpointException(String message) {
        super("checkpoint.unusable", message, null);
    }
}
