package org.sparklora.driver.cluster;

import org.sparklora.worker.contract.CodedException;

/** Our own code failed in a task, twice in the same job, for a reason that is no fault of input or cluster. Exit code 1. */
final class DefectException extends CodedException {

    private static final long serialVersionUID = 1L;

    DefectException(String message, Throwable cause) {
        super("internal.task", message, cause);
    }
}
