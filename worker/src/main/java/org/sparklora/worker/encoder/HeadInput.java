package org.sparklora.worker.encoder;

/** What a task's head reads of the last layer. */
public enum HeadInput {
    /** The first token of each sequence, which stands for the whole: [B, H]. */
    FIRST_TOKEN,
    /** Each token by itself: [B·S, H]. */
    EVERY_TOKEN
}
