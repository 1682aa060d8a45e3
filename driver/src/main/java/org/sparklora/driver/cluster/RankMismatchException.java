package org.sparklora.driver.cluster;

import org.sparklora.driver.run.loop.ClusterException;

/** Ranks that must hold the same bits do not. The segment's results are discarded. Exit code 6. */
public final class RankMismatchException extends ClusterException {

    private static final long serialVersionUID = 1L;

    RankMismatchException(String message) {
        super("cluster.ranks-differ", message, null);
    }
}
