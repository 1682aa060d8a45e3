package org.sparklora.worker.contract;

import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * An error that a user can act on. Its message says what is wrong, where, and what to do, and ends with a stable code in
 * square brackets, for example {@code [data.label.missing]}.
 *
 * <p>The code identifies the kind of error; the wording may change. docs/errors.md lists every code. The code is part of the
 * message, so it survives where Spark passes on only the text of an executor's exception.
 */
public abstract class CodedException extends RuntimeException {

    private static final long serialVersionUID = 1L;
    private static final Pattern CODE = Pattern.compile("[a-z]+(\\.[a-z0-9-]+)+");

    private final String code;
    private final String reason;

    /**
     * Creates an error.
     *
     * @param code lower case, dotted, for example {@code data.label.missing}
     * @param message without the code
     */
    protected CodedException(String code, String message, @Nullable Throwable cause) {
        super(withCode(code, message), cause);
        this.code = code;
        this.reason = message;
    }

    /** Appends a code to one line of a message. */
    public static String withCode(String code, String line) {
        if (!CODE.matcher(code).matches()) {
            throw new IllegalArgumentException("'" + code + "' is not an error code such as data.label.missing");
        }
        return line + " [" + code + "]";
    }

    /** The message without the code, for an error that quotes this one. */
    public String reason() {
        return reason;
    }

    /** The stable code, without brackets. */
    public String code() {
        return code;
    }
}
