package org.sparklora.driver.watch.tracking;

import java.io.IOException;

/** A destination was reached and will not have what it was given, now or later. */
final class RefusedException extends IOException {

    private static final long serialVersionUID = 1L;

    RefusedException(String message) {
        super(message);
    }
}
