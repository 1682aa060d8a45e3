package org.sparklora.worker.train;

/** A loss or gradient stopped being finite; nothing was updated. Exit code 5. */
public final class DivergedException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public DivergedException(String message) {
        super(message);
    }
}
