package org.sparklora.driver.watch.tracking;

import java.io.IOException;
import java.util.List;

/** Where a run is shown. Used by one thread, which may wait here as long as it takes. */
interface Destination {

    /** How warnings call it, with its address. */
    String name();

    /**
     * Shows lines. When this fails they come again, with those that follow; what was shown already is not to appear twice.
     *
     * @throws RefusedException when coming again is of no use
     * @throws IOException when it may be
     */
    void send(List<HistoryLine> lines) throws IOException, InterruptedException;

    /** The run is over, and everything has been sent. */
    void finish(Outcome outcome) throws IOException, InterruptedException;
}
