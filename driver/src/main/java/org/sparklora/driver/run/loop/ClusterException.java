package org.sparklora.driver.run.loop;

import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.CodedException;

/** The cluster refused the application, or failed more often than the job allows. Finished work stays. Exit code 6. */
public class ClusterException extends CodedException {

    private static final long serialVersionUID = 1L;

    public ClusterException(String code, String message, @Nullable Throwable cause) {
        super(code, message, cause);
    }
}
