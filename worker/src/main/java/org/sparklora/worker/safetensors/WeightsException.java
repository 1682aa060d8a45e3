package org.sparklora.worker.safetensors;

import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.CodedException;

/** A file of weights, in safetensors or {@code torch.save} format, cannot be used. Exit code 4. */
public final class WeightsException extends CodedException {

    private static final long serialVersionUID = 1L;

    /**
     * Creates an error.
     *
     * @param code starts with {@code weights.}
     * @param message says which file, what is wrong with it, and what to do
     */
    public WeightsException(String code, String message) {
        this(code, message, null);
    }

    public WeightsException(String code, String message, @Nullable Throwable cause) {
        super(code, message, cause);
    }
}
