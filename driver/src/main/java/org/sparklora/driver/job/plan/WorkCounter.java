package org.sparklora.driver.job.plan;

import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.driver.job.freeze.EpochMetrics;
import org.sparklora.worker.data.Padding;

/** Counts what the steps of an epoch computed and sent, and what they would have without what is skipped. */
@FunctionalInterface
public interface WorkCounter {

    /** Counts nothing. */
    WorkCounter NONE = (finished, padding) -> new TreeMap<>();

    /**
     * The counts of an epoch's steps, by name. Asked once for each epoch, in order.
     *
     * @param padding of the whole epoch
     */
    SortedMap<String, Number> count(EpochMetrics finished, Padding padding);
}
