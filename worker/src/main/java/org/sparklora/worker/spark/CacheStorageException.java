package org.sparklora.worker.spark;

/** The activation cache finds no room on an executor. */
public final class CacheStorageException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public CacheStorageException(String message) {
        super(message);
    }

    CacheStorageException(String message, Throwable cause) {
        super(message, cause);
    }
}
