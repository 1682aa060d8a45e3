package org.sparklora.driver.run.loop;

import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.CodedException;

/** Somebody cancelled the run's Spark jobs. Finished work stays. Exit code 130. */
public final class CancelledException extends CodedException {

    private static final long serialVersionUID = 1L;

    public CancelledException(String message, @Nullable Throwable cause) {
        super("cancelled.jobs", message, cause);
    }
}
