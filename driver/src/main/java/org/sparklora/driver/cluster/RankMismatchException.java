package org.sparklora.driver.cluster;

import org.sparklora.worker.contract.CodedException;

/** Ranks that must hold the same bits do not. The segment's results are discarded. Exit code 6. */
public final class RankMismatchException extends CodedException {

    private static final long serialVersionUID = 1L;

    RankMismatchException(String message) {
        super("cluster.ranks-differ", message, null);
    }
}
