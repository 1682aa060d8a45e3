package org.sparklora.driver.model.peft;

/** A PEFT adapter directory cannot be used; the message says which file, what is wrong with it, and what to do. */
public final class PeftException extends IllegalArgumentException {

    private static final long serialVersionUID = 1L;

    public PeftException(String message) {
        super(message);
    }

    public PeftException(String message, Throwable cause) {
        super(message, cause);
    }
}
