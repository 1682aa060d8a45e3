package org.sparklora.worker.contract;

import java.io.Serializable;

/**
 * What every forward and backward pass of a run shares.
 *
 * @param seed the job's seed
 * @param accumulation pieces in which a shard's part of a batch is computed; at least 1
 * @param labelSmoothing label_smoothing_factor, [0, 1)
 * @param baseDropout dropout of the frozen base at and above the lowest live layer, [0, 1)
 * @param headDropout dropout before the classifier, [0, 1)
 */
public record StepSettings(long seed, int accumulation, double labelSmoothing, double baseDropout, double headDropout)
        implements Serializable {}
