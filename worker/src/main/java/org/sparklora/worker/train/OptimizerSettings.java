package org.sparklora.worker.train;

import java.io.Serializable;
import java.util.OptionalDouble;

/**
 * How gradients become updates.
 *
 * @param maxGradNorm limit on the global gradient norm; empty: no clipping
 */
public record OptimizerSettings(
        double learningRate, LearningRateSchedule schedule, AdamW adamW, OptionalDouble maxGradNorm)
        implements Serializable {}
