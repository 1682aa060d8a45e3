package org.sparklora.worker.spark;

import org.sparklora.worker.contract.CodedException;

/** An executor's disk has no room for rows or the activation cache. Exit code 6. */
public final class CacheStorageException extends CodedException {

    private static final long serialVersionUID = 1L;

    public CacheStorageException(String message, Throwable cause) {
        super("cluster.disk", message, cause);
    }
}
