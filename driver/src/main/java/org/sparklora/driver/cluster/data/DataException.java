package org.sparklora.driver.cluster.data;

import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.CodedException;

/** The data cannot be used. The message is one line: what is wrong, in which file and row, and what to do. Exit code 3. */
public final class DataException extends CodedException {

    private static final long serialVersionUID = 1L;

    /** Creates an error with a code such as {@code data.label.missing}. */
    public DataException(String code, String message) {
        this(code, message, null);
    }

    /** Creates an error that another failure caused. */
    public DataException(String code, String message, @Nullable Throwable cause) {
        super(code, message, cause);
    }
}
