package org.sparklora.worker.encoder;

import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.CodedException;

/** A model directory cannot be used. Exit code 4. */
public final class ModelException extends CodedException {

    private static final long serialVersionUID = 1L;

    /**
     * Creates an error.
     *
     * @param code starts with {@code model.}, {@code tokenizer.} or {@code adapter.}
     * @param message says what is wrong, where, and what to do
     */
    public ModelException(String code, String message) {
        this(code, message, null);
    }

    public ModelException(String code, String message, @Nullable Throwable cause) {
        super(code, message, cause);
    }
}
