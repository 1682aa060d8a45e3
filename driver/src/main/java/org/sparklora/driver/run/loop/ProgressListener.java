package org.sparklora.driver.run.loop;

import org.sparklora.worker.contract.StepProgress;

/** Who wants to see steps before they count. Called from any thread; what is told here may be done again. */
@FunctionalInterface
public interface ProgressListener {

    /** A step of a segment that runs. */
    void underWay(int epoch, StepProgress step);
}
