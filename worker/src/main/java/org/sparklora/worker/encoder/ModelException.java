package org.sparklora.worker.encoder;

/** A model directory that cannot be used: the message says what, where and what to do. Exit code 4. */
public final class ModelException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public ModelException(String message) {
        super(message);
    }

    public ModelException(String message, Throwable cause) {
        super(message, cause);
    }
}
