package org.sparklora.driver.watch.tracking;

import java.io.IOException;
import java.util.List;
import org.sparklora.driver.run.history.HistoryLine;
import org.sparklora.driver.watch.tracking.Tracking.Outcome;

/** A place that shows a run. One thread calls it, and calls may block. */
interface Destination {

    /** The name in warnings, with the address. */
    String name();

    /**
     * Shows lines. After a failure the same lines come again with those that follow, and none may appear twice.
     *
     * @throws RefusedException if another attempt is pointless
     * @throws IOException if another attempt may succeed
     */
    void send(List<HistoryLine> lines) throws IOException, InterruptedException;

    /** The run is over and everything has been sent. */
    void finish(Outcome outcome) throws IOException, InterruptedException;

    /** The destination was reached and does not accept the run, now or later. */
    final class RefusedException extends IOException {

        private static final long serialVersionUID = 1L;

        RefusedException(String message) {
            super(message);
        }
    }
}
