package org.sparklora.worker.contract;

import java.util.Optional;

/**
 * A step of a segment that is still running, as one of its ranks tells it: for people to look at. It counts nowhere, may be
 * lost, and is done again when the segment fails; what counts is the segment's result.
 *
 * @param channel whom it is for: one epoch's exchange at the driver
 * @param step global, from 0
 * @param loss of the step: mean over its examples
 * @param gradNorm before clipping
 * @param examples of the segment's steps up to this one
 */
public record StepProgress(String channel, long step, float loss, float gradNorm, long examples) {

    /** As it travels: of the JDK's own types, since Spark reads messages on threads that need not know ours. */
    public Object[] message() {
        return new Object[] {channel, step, loss, gradNorm, examples};
    }

    /** What {@link #message} wrote; empty where it is something else. */
    public static Optional<StepProgress> of(Object message) {
        if (message instanceof Object[] parts
                && parts.length == 5
                && parts[0] instanceof String channel
                && parts[1] instanceof Long step
                && parts[2] instanceof Float loss
                && parts[3] instanceof Float gradNorm
                && parts[4] instanceof Long examples) {
            return Optional.of(new StepProgress(channel, step, loss, gradNorm, examples));
        }
        return Optional.empty();
    }
}
