package org.sparklora.worker.spark;

/** The activation cache finds no room on an executor. */
public final class NoRoomException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public NoRoomException(String message) {
        super(message);
    }

    NoRoomException(String message, Throwable cause) {
        super(message, cause);
    }
}
