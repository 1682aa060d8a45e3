package org.sparklora.worker.contract;

import java.util.Optional;

/**
 * A step of a running segment, reported by one of its ranks for display only. It may be lost, or repeated after a failure;
 * the segment's result is what counts.
 *
 * @param channel the receiver: the exchange of one epoch at the driver
 * @param step global, from 0
 * @param loss mean over the step's examples
 * @param gradNorm before clipping
 * @param examples of the segment's steps up to this one
 */
public record StepProgress(String channel, long step, float loss, float gradNorm, long examples) {

    /** The message to send. It has JDK types only, because Spark deserializes it on threads without our class loader. */
    public Object[] message() {
        return new Object[] {channel, step, loss, gradNorm, examples};
    }

    /** Reads a {@link #message}; empty if it is another one. */
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
