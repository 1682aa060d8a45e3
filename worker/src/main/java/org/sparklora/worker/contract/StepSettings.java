package org.sparklora.worker.contract;

import java.io.Serializable;

/**
 * Settings that every forward and backward pass of a run shares.
 *
 * @param seed the job's seed
 * @param accumulation microbatches in a shard's part of a batch; at least 1
 * @param labelSmoothing label_smoothing_factor, [0, 1)
 * @param dropout dropout outside LoRA
 */
public record StepSettings(long seed, int accumulation, double labelSmoothing, DropoutRates dropout)
        implements Serializable {}
