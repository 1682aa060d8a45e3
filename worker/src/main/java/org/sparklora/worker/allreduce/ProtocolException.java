package org.sparklora.worker.allreduce;

/** A peer sent a message that it must not send. The step fails, so that it never has a wrong result. */
public final class ProtocolException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public ProtocolException(String message) {
        super(message);
    }
}
