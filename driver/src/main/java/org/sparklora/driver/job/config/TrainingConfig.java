package org.sparklora.driver.job.config;

import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.sparklora.driver.job.freeze.RunLength;
import org.sparklora.worker.train.LearningRateSchedule;

/**
 * How the job trains.
 *
 * @param numTrainEpochs empty with {@code maxSteps}
 * @param maxSteps optimizer steps of the run; empty: those of all epochs
 * @param batchSize examples per optimizer step over the whole cluster
 * @param dataSeed of dealing and order; empty: the job's seed
 * @param shards logical shards, a power of two, at most {@code batchSize}
 * @param gradientAccumulationSteps microbatches of a shard's part of a batch
 * @param warmupRatio share of all steps that warm up, instead of {@code warmupSteps}; empty: those steps
 * @param weightDecayExclude {@link #BIAS} and {@link #LAYER_NORM}; empty: every tensor decays, with LoRA+ too, as in 0.1.0
 * @param maxGradNorm largest global gradient norm; empty: no clipping
 * @param loraplusLrRatio learning rate of B (and of biases) over that of A; empty: the same for both
 * @param metricForBestModel a validation metric of the task; empty: the validation loss
 * @param loadBestModelAtEnd whether the adapter is that of the best epoch instead of the last
 * @param earlyStoppingPatience epochs without a better metric after which training ends; empty: never
 */
public record TrainingConfig(
        OptionalInt numTrainEpochs,
        OptionalInt maxSteps,
        int batchSize,
        Optional<Long> dataSeed,
        int shards,
        int gradientAccumulationSteps,
        double learningRate,
        LearningRateSchedule.Type lrSchedulerType,
        int warmupSteps,
        OptionalDouble warmupRatio,
        double weightDecay,
        Optional<List<String>> weightDecayExclude,
        double adamBeta1,
        double adamBeta2,
        double adamEpsilon,
        OptionalDouble maxGradNorm,
        OptionalDouble loraplusLrRatio,
        Loss loss,
        Optional<String> metricForBestModel,
        boolean loadBestModelAtEnd,
        OptionalInt earlyStoppingPatience) {

    /**
     * The loss, and which labels are predicted.
     *
     * @param classWeights empty: every class weighs 1
     * @param focalGamma empty: the loss is not focal
     * @param threshold probability that a label of a set must exceed; empty: 0.5
     */
    public record Loss(
            double labelSmoothingFactor,
            Optional<ClassWeights> classWeights,
            OptionalDouble focalGamma,
            OptionalDouble threshold) {}

    /** In {@code weight_decay_exclude}: every bias. */
    public static final String BIAS = "bias";

    /** In {@code weight_decay_exclude}: weight and bias of every layer normalization. */
    public static final String LAYER_NORM = "LayerNorm";

    /** The default of {@code weight_decay_exclude}. */
    public static final List<String> DEFAULT_EXCLUDED = List.of(BIAS, LAYER_NORM);

    /** The length of the run if nothing stops it earlier. */
    public RunLength length(int stepsPerEpoch) {
        return maxSteps.isPresent()
                ? RunLength.ofSteps(maxSteps.getAsInt(), stepsPerEpoch)
                : RunLength.ofEpochs(numTrainEpochs.orElseThrow(), stepsPerEpoch);
    }
}
