package org.sparklora.worker.spark;

import java.io.Serializable;
import java.util.List;
import java.util.SortedMap;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.PhaseTimes;
import org.sparklora.worker.train.StepReport;

/**
 * The result of one rank after a segment.
 *
 * @param rank the rank, from 0
 * @param host host and port of the rank
 * @param digests SHA-256 of each group's values, which must be equal on every rank
 * @param times the time that each phase took on this rank
 * @param outcome what the ranks have in common; only from rank 0
 */
public record SegmentResult(
        int rank,
        String host,
        SortedMap<String, String> digests,
        PhaseTimes times,
        @Nullable Outcome outcome) implements Serializable {

    /**
     * The outcome of a segment.
     *
     * @param reports the reports of the steps, in order
     * @param diverged why the segment ended early, if a step had numbers that are not finite
     * @param state the encoded training state
     */
    @SuppressWarnings("ArrayRecordComponent") // outcomes are never compared
    public record Outcome(
            List<StepReport> reports, @Nullable String diverged, byte[] state) implements Serializable {}
}
