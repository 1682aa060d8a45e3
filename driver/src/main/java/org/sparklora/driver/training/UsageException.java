package org.sparklora.driver.training;

/** A command that cannot be carried out as it was given. Exit code 2. */
public final class UsageException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public UsageException(String message) {
        super(message);
    }
}
