package org.sparklora.driver.cluster;

/** Ranks that must hold the same bits do not. Nothing of the segment counts. */
public final class RankMismatchException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    RankMismatchException(String message) {
        super(message);
    }
}
