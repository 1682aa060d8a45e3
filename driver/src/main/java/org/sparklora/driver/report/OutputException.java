package org.sparklora.driver.report;

/** The output directory cannot be used for this run; the message says why and what to do. */
public final class OutputException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public OutputException(String message) {
        super(message);
    }
}
