package org.sparklora.worker.allreduce;

import org.jspecify.annotations.Nullable;

/** A rank cannot go on because of another: lost, silent or at odds. The message names the rank, the host and the step. */
public final class PeerException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public PeerException(String message) {
        super(message);
    }

    public PeerException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
