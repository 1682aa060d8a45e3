package org.sparklora.worker.allreduce;

/** A peer said something that it must not say. The step is lost, never wrong. */
public final class ProtocolException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public ProtocolException(String message) {
        super(message);
    }
}
