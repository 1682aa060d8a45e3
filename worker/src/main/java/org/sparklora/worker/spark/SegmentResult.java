package org.sparklora.worker.spark;

import java.io.Serializable;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.PhaseTimes;
import org.sparklora.worker.train.StepReport;

/**
 * What one rank says after a segment: a digest of each group's state, which must be the same on every rank; and from rank
 * 0 the state itself and the steps' reports.
 */
public final class SegmentResult implements Serializable {

    private static final long serialVersionUID = 1L;

    private final int rank;
    private final String host;
    private final SortedMap<String, String> digests;
    private final List<StepReport> reports;
    private final byte @Nullable [] state;
    private final @Nullable String diverged;
    private final PhaseTimes times;

    SegmentResult(
            int rank,
            String host,
            SortedMap<String, String> digests,
            List<StepReport> reports,
            byte @Nullable [] state,
            @Nullable String diverged,
            PhaseTimes times) {
        this.rank = rank;
        this.host = host;
        this.digests = digests;
        this.reports = reports;
        this.state = state;
        this.diverged = diverged;
        this.times = times;
    }

    /** What the rank spent the segment's time on. */
    public PhaseTimes times() {
        return times;
    }

    /** The rank, from 0; 0 is the one that brings the state. */
    public int rank() {
        return rank;
    }

    /** Where the rank ran: host and port. */
    public String host() {
        return host;
    }

    /** SHA-256 by group. */
    public SortedMap<String, String> digests() {
        return digests;
    }

    /** The steps in order; empty from ranks other than 0. */
    public List<StepReport> reports() {
        return reports;
    }

    /** Why the segment ended early: a step's numbers were not finite. The same on every rank. */
    public Optional<String> diverged() {
        return Optional.ofNullable(diverged);
    }

    /** The encoded state; from rank 0 only. */
    public Optional<byte[]> state() {
        return Optional.ofNullable(state);
    }
}
