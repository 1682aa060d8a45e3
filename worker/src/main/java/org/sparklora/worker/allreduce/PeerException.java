package org.sparklora.worker.allreduce;

import org.jspecify.annotations.Nullable;

/** A rank cannot continue because another one is lost, silent or sends wrong messages. The message names rank, host and step. */
public final class PeerException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public PeerException(String message) {
        super(message);
    }

    public PeerException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }

    /** Restores the interrupt of a cancelled task, and returns the error to throw; {@code where} starts the message. */
    public static PeerException cancelled(String where, InterruptedException cause) {
        Thread.currentThread().interrupt();
        return new PeerException(where + "the task was cancelled", cause);
    }
}
