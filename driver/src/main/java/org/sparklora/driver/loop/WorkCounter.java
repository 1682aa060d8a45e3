package org.sparklora.driver.loop;

import java.util.List;
import java.util.SortedMap;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.data.Padding;

/** Counts what the steps of an epoch computed and sent, and what they would have without what is skipped. */
@FunctionalInterface
public interface WorkCounter {

    /** Counts nothing. */
    WorkCounter NONE = (stretches, padding) -> new java.util.TreeMap<>();

    /**
     * Steps in one freeze state.
     *
     * @param examples of all of them together
     * @param held whether the frozen prefix did not run, because what it gives was kept before the epoch
     */
    record Stretch(FreezeState state, int steps, long examples, boolean held) {}

    /**
     * The counts of an epoch's steps, by name.
     *
     * @param stretches in order
     * @param padding of the whole epoch
     */
    SortedMap<String, Number> count(List<Stretch> stretches, Padding padding);
}
