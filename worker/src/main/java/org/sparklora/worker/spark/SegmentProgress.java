package org.sparklora.worker.spark;

import java.util.function.Consumer;
import org.sparklora.worker.contract.StepProgress;
import org.sparklora.worker.train.StepReport;

/**
 * Reports some steps of a running segment, from rank 0. A segment sends at most {@link #MAX_MESSAGES} messages. It takes about a
 * minute, so that is a few messages a second.
 */
final class SegmentProgress {

    /** Maximum number of messages of a segment. */
    static final int MAX_MESSAGES = 256;

    private final String channel;
    private final int every;
    private final Consumer<StepProgress> sender;
    private int steps;
    private long examples;

    SegmentProgress(SegmentPlan segment, Consumer<StepProgress> sender) {
        this.channel = segment.rendezvous().endpoint();
        int length = segment.steps().to() - segment.steps().from();
        this.every = Math.max(1, (length + MAX_MESSAGES - 1) / MAX_MESSAGES);
        this.sender = sender;
    }

    /** Counts a finished step, and reports it if it is due. */
    void done(StepReport report) {
        steps++;
        examples += report.examples();
        if (steps % every == 0) {
            sender.accept(new StepProgress(channel, report.step(), report.loss(), report.gradNorm(), examples));
        }
    }
}
