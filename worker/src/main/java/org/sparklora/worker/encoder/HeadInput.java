package org.sparklora.worker.encoder;

/** The part of the last layer's output that a task's head reads. */
public enum HeadInput {
    /** The first token of each sequence, which represents the whole sequence: [B, H]. */
    FIRST_TOKEN,
    /** Every token: [B·S, H]. */
    EVERY_TOKEN
}
