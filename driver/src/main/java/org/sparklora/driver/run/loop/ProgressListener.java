package org.sparklora.driver.run.loop;

import org.sparklora.worker.contract.StepProgress;

/** Receives steps before they are committed; a failure may repeat them. Called from any thread. */
@FunctionalInterface
public interface ProgressListener {

    /** A step of a running segment. */
    void underWay(int epoch, StepProgress step);
}
