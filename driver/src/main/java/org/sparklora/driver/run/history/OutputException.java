package org.sparklora.driver.run.history;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NotDirectoryException;

/** The output directory cannot be used for this run; the message says why and what to do. */
public final class OutputException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public OutputException(String message) {
        super(message);
    }

    private OutputException(String message, Throwable cause) {
        super(message, cause);
    }

    /** Something of a run cannot be written. */
    public static OutputException writing(String what, IOException e) {
        return new OutputException(
                what + " cannot be written: " + reason(e)
                        + "; check the path, its permissions and the space on its disk, or give another --output",
                e);
    }

    /** Java's own messages for the commonest reasons are the bare path. */
    private static String reason(IOException e) {
        if (e instanceof NotDirectoryException || e instanceof FileAlreadyExistsException) {
            return e.getMessage() + " is a file and no directory";
        }
        if (e instanceof AccessDeniedException) {
            return "permission denied for " + e.getMessage();
        }
        return e instanceof FileSystemException f && f.getReason() != null
                ? f.getReason()
                : String.valueOf(e.getMessage());
    }
}
