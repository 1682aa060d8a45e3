package org.sparklora.driver.model.peft;

import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.CodedException;

/** A PEFT adapter directory cannot be read or written. Exit code 4. */
public final class PeftException extends CodedException {

    private static final long serialVersionUID = 1L;

    /**
     * Creates an error.
     *
     * @param code starts with {@code adapter.}
     * @param message says which file, what is wrong with it, and what to do
     */
    public PeftException(String code, String message) {
        this(code, message, null);
    }

    public PeftException(String code, String message, @Nullable Throwable cause) {
        super(code, message, cause);
    }
}
