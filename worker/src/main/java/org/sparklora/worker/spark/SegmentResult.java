package org.sparklora.worker.spark;

import java.io.Serializable;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.PhaseTimes;
import org.sparklora.worker.train.StepReport;

/**
 * The result of one rank after a segment: a digest of each group's values, which must be equal on every rank. Rank 0 also
 * returns the state and the reports of the steps.
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

    /** The time that each phase took. */
    public PhaseTimes times() {
        return times;
    }

    /** The rank, from 0. */
    public int rank() {
        return rank;
    }

    /** Host and port of the rank. */
    public String host() {
        return host;
    }

    /** SHA-256 by group. */
    public SortedMap<String, String> digests() {
        return digests;
    }

    /** The reports of the steps, in order; empty from ranks other than 0. */
    public List<StepReport> reports() {
        return reports;
    }

    /** Why the segment ended early, if a step had numbers that are not finite. The same on every rank. */
    public Optional<String> diverged() {
        return Optional.ofNullable(diverged);
    }

    /** The encoded training state; only from rank 0. */
    public Optional<byte[]> state() {
        return Optional.ofNullable(state);
    }
}
