package org.sparklora.worker.pickle;

/** A file of torch.save cannot be used; the message says which file, what is wrong with it, and what to do. */
public final class TorchFileException extends IllegalArgumentException {

    private static final long serialVersionUID = 1L;

    public TorchFileException(String message) {
        super(message);
    }

    public TorchFileException(String message, Throwable cause) {
        super(message, cause);
    }
}
