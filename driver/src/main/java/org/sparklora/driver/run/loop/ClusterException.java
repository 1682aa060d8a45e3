package org.sparklora.driver.run.loop;

import org.jspecify.annotations.Nullable;

/** The cluster took no application, or failed more often than the job allows. What was done before stays. Exit code 6. */
public final class ClusterException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public ClusterException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
