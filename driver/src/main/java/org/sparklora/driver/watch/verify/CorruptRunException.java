package org.sparklora.driver.watch.verify;

import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.CodedException;

/** A file of a run directory is damaged or missing. Exit code 7. */
public final class CorruptRunException extends CodedException {

    private static final long serialVersionUID = 1L;

    private static final String REMEDY = "; restore the run directory from a backup, or train again";

    /**
     * @param code such as {@code run.damaged}
     * @param problem the file and what is wrong with it
     */
    public CorruptRunException(String code, String problem, @Nullable Throwable cause) {
        super(code, problem + REMEDY, cause);
    }

    /** A file does not exist. */
    public static CorruptRunException missing(String file) {
        return new CorruptRunException("run.missing", file + " is missing", null);
    }

    /**
     * A file cannot be read.
     *
     * @param problem the file and what is wrong with it
     */
    public static CorruptRunException damaged(String problem, @Nullable Throwable cause) {
        return new CorruptRunException("run.damaged", problem, cause);
    }
}
