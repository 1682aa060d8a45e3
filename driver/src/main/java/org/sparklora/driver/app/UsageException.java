package org.sparklora.driver.app;

/** A command that cannot be carried out as it was given. Exit code 2. */
final class UsageException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    UsageException(String message) {
        super(message);
    }
}
