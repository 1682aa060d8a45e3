package org.sparklora.driver.loop;

import org.sparklora.worker.contract.LiveStep;

/** Who wants to see steps before they count. Called from any thread; what is told here may be done again. */
@FunctionalInterface
public interface LiveListener {

    /** A step of a segment that runs. */
    void underWay(int epoch, LiveStep step);
}
