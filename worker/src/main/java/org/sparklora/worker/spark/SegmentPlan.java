package org.sparklora.worker.spark;

import java.io.Serializable;
import java.time.Duration;
import org.sparklora.worker.train.OptimizerSettings;

/**
 * Consecutive steps of one epoch that the ranks run among themselves in one barrier stage.
 *
 * @param steps the steps
 * @param optimizer how each rank updates its copy of the state
 * @param sessionId identifies the messages of this segment; unique among segments, attempts and runs
 * @param rendezvous where the ranks learn each other's addresses
 * @param deadline maximum wait for any one message
 */
public record SegmentPlan(Steps steps, OptimizerSettings optimizer, long sessionId, Rendezvous rendezvous, Duration deadline)
        implements Serializable {

    /**
     * Steps of an epoch.
     *
     * @param from first step within the epoch
     * @param to step after the last
     * @param firstGlobal global number of the epoch's step 0
     */
    public record Steps(int from, int to, long firstGlobal) implements Serializable {}
}
