package org.sparklora.worker.safetensors;

/** A safetensors file cannot be used; the message says which file, what is wrong with it, and what to do. */
public final class SafetensorsException extends IllegalArgumentException {

    private static final long serialVersionUID = 1L;

    public SafetensorsException(String message) {
        super(message);
    }

    public SafetensorsException(String message, Throwable cause) {
        super(message, cause);
    }
}
