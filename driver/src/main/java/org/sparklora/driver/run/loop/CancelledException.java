package org.sparklora.driver.run.loop;

/** Somebody stopped the run's work on the cluster on purpose. What was done before stays. Exit code 130. */
public final class CancelledException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public CancelledException(String message, Throwable cause) {
        super(message, cause);
    }
}
