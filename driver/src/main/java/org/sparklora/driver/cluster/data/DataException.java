package org.sparklora.driver.cluster.data;

import org.jspecify.annotations.Nullable;

/** The data cannot be used: one line that says what is wrong, in which file and row, and what to do. */
public final class DataException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public DataException(String message) {
        super(message);
    }

    public DataException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
