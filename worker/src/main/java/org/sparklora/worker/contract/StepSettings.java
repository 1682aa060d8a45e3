package org.sparklora.worker.contract;

import java.io.Serializable;

/**
 * Settings that every forward and backward pass of a run shares.
 *
 * @param seed the job's seed
 * @param accumulation microbatches in a shard's part of a batch; at least 1
 * @param loss how the training loss differs from the plain loss
 * @param dropout dropout outside LoRA
 */
public record StepSettings(long seed, int accumulation, LossSettings loss, DropoutRates dropout)
        implements Serializable {}
