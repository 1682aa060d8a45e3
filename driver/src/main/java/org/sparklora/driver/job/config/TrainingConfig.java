package org.sparklora.driver.job.config;

import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * How the job trains.
 *
 * @param batchSize examples per optimizer step over the whole cluster
 * @param shards logical shards, a power of two, at most {@code batchSize}
 * @param gradientAccumulationSteps microbatches of a shard's part of a batch
 * @param warmupRatio share of all steps that warm up, instead of {@code warmupSteps}; empty: those steps
 * @param maxGradNorm largest global gradient norm; empty: no clipping
 * @param loraplusLrRatio learning rate of B (and of biases) over that of A; empty: the same for both
 * @param metricForBestModel a validation metric of the task; empty: the validation loss
 * @param loadBestModelAtEnd whether the adapter is that of the best epoch instead of the last
 * @param earlyStoppingPatience epochs without a better metric after which training ends; empty: never
 */
public record TrainingConfig(
        int numTrainEpochs,
        int batchSize,
        int shards,
        int gradientAccumulationSteps,
        double learningRate,
        LrSchedulerType lrSchedulerType,
        int warmupSteps,
        OptionalDouble warmupRatio,
        double weightDecay,
        double adamBeta1,
        double adamBeta2,
        double adamEpsilon,
        OptionalDouble maxGradNorm,
        OptionalDouble loraplusLrRatio,
        double labelSmoothingFactor,
        Optional<String> metricForBestModel,
        boolean loadBestModelAtEnd,
        OptionalInt earlyStoppingPatience) {}
