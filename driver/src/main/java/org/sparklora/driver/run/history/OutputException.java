package org.sparklora.driver.run.history;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NotDirectoryException;
import org.apache.hadoop.fs.FileAlreadyExistsException;
import org.sparklora.worker.contract.CodedException;

/** A directory or file that a command reads or writes cannot be used. Exit code 2. */
public final class OutputException extends CodedException {

    private static final long serialVersionUID = 1L;

    public OutputException(String code, String message) {
        super(code, message, null);
    }

    private OutputException(String code, String message, Throwable cause) {
        super(code, message, cause);
    }

    /** A file or directory cannot be written. */
    public static OutputException writing(String what, IOException e) {
        return new OutputException(
                "output.unwritable",
                "cannot write " + what + ": " + reason(e)
                        + "; check the path, its permissions and the free disk space, or choose another --output",
                e);
    }

    /** A run directory cannot be read. */
    public static OutputException reading(String location, IOException e) {
        return new OutputException(
                "output.unreadable",
                "cannot read " + location + ": " + reason(e) + "; check the path and its permissions",
                e);
    }

    /** A directory has no run in it. */
    public static OutputException noRun(String location) {
        return new OutputException(
                "usage.run-missing",
                location + " contains no run: neither " + RunHistory.FILE + " nor " + RunStatus.FILE
                        + " exists; check the path that is given as RUN or --run");
    }

    /** The message of Java's file exceptions is often only the path. */
    private static String reason(IOException e) {
        if (e instanceof NotDirectoryException || e instanceof FileAlreadyExistsException) {
            return e.getMessage() + " is a file, not a directory";
        }
        if (e instanceof AccessDeniedException) {
            return "permission denied for " + e.getMessage();
        }
        return e instanceof FileSystemException f && f.getReason() != null
                ? f.getReason()
                : String.valueOf(e.getMessage());
    }
}
