package org.sparklora.worker.train;

import org.sparklora.worker.contract.CodedException;

/** A loss, gradient or trained value is not finite. Exit code 5. */
public final class DivergedException extends CodedException {

    private static final long serialVersionUID = 1L;

    public DivergedException(String code, String message) {
        super(code, message, null);
    }

    /** The same error again, from the message that a worker sent, which ends with the code. */
    public static DivergedException ofMessage(String message) {
        int code = message.lastIndexOf(" [");
        return new DivergedException(message.substring(code + 2, message.length() - 1), message.substring(0, code));
    }
}
