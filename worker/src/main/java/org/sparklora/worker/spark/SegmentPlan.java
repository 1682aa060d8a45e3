package org.sparklora.worker.spark;

import java.io.Serializable;
import java.time.Duration;
import org.sparklora.worker.train.OptimizerSettings;

/**
 * A run of consecutive steps of one epoch that the ranks do among themselves: one barrier stage.
 *
 * @param steps which steps
 * @param optimizer how each rank updates its copy of the state
 * @param stage number that tells frames of this stage from all others, of this run and of others beside it
 * @param meeting where the ranks meet
 * @param deadline longest wait for any one message
 */
public record SegmentPlan(Steps steps, OptimizerSettings optimizer, long stage, Rendezvous meeting, Duration deadline)
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
