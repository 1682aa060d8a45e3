package org.sparklora.driver.watch.verify;

/** A file of a run directory is damaged or missing; the message says which, what is wrong, and what to do. */
public final class CorruptRunException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public CorruptRunException(String file, String problem) {
        super(file + " " + problem + "; restore the run directory from a copy, or train again");
    }

    /** A message that says all of it already. */
    public CorruptRunException(String message, Throwable cause) {
        super(message, cause);
    }

    public CorruptRunException(String file, String problem, Throwable cause) {
        super(file + " " + problem + "; restore the run directory from a copy, or train again", cause);
    }
}
