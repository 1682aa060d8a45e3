package org.sparklora.worker.spark;

import java.util.function.Consumer;
import org.sparklora.worker.contract.StepProgress;
import org.sparklora.worker.train.StepReport;

/**
 * What rank 0 tells of a segment while it runs: some of its steps, so many that a segment has at most {@link #MOST}
 * messages, whatever its length. A segment is about a minute long, so that is a few a second.
 */
final class SegmentProgress {

    /** Messages of a segment. */
    static final int MOST = 256;

    private final String channel;
    private final int every;
    private final Consumer<StepProgress> told;
    private int steps;
    private long examples;

    SegmentProgress(SegmentPlan segment, Consumer<StepProgress> told) {
        this.channel = segment.meeting().place();
        int length = segment.steps().to() - segment.steps().from();
        this.every = Math.max(1, (length + MOST - 1) / MOST);
        this.told = told;
    }

    /** A step is done. */
    void done(StepReport report) {
        steps++;
        examples += report.examples();
        if (steps % every == 0) {
            told.accept(new StepProgress(channel, report.step(), report.loss(), report.gradNorm(), examples));
        }
    }
}
