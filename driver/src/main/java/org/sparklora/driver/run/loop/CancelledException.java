package org.sparklora.driver.run.loop;

import org.sparklora.worker.contract.CodedException;

/** Somebody cancelled the run's Spark jobs. Finished work stays. Exit code 130. */
public final class CancelledException extends CodedException {

    private static final long serialVersionUID = 1L;

    public CancelledException(String message, Throwable cause) {
        super("cluster.cancelled", message, cause);
    }
}
