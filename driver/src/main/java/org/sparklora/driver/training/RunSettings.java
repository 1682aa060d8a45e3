package org.sparklora.driver.training;

import java.util.List;
import java.util.Set;
import org.sparklora.driver.cluster.data.ShardLayout;
import org.sparklora.driver.job.config.DataOrder;
import org.sparklora.driver.job.config.ExecutionConfig;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.TrainingConfig;
import org.sparklora.driver.job.freeze.RunLength;
import org.sparklora.driver.run.loop.StoppingCriteria;
import org.sparklora.worker.contract.DropoutRates;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LossSettings;
import org.sparklora.worker.contract.StepSettings;
import org.sparklora.worker.data.ShardOrder;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.train.AdamW;
import org.sparklora.worker.train.LearningRateSchedule;
import org.sparklora.worker.train.OptimizerSettings;

/** Translates the job's {@code training}, {@code data} and {@code execution} keys into the settings of loop and workers. */
record RunSettings(JobConfig job) {

    /** How training rows are divided into shards. */
    ShardLayout layout() {
        boolean given = job.data().order() == DataOrder.GIVEN;
        return new ShardLayout(
                job.dataSeed(), job.training().shards(), job.training().batchSize(), given);
    }

    /** The order of rows within an epoch. */
    ShardOrder order() {
        if (job.data().order() == DataOrder.GIVEN) {
            return ShardOrder.given();
        }
        return job.data().groupByLength()
                ? ShardOrder.groupedByLength(job.dataSeed())
                : ShardOrder.shuffled(job.dataSeed());
    }

    /**
     * Settings of forward and backward passes.
     *
     * @param modelDropout the rates in the model's config.json, which apply unless the job gives others
     * @param classWeights in the order of the head's outputs; may be empty
     */
    StepSettings step(DropoutRates modelDropout, List<Float> classWeights) {
        ExecutionConfig execution = job.execution();
        DropoutRates rates = new DropoutRates(
                execution.baseDropout().or(modelDropout.embeddings()),
                execution.baseDropout().or(modelDropout.hidden()),
                execution.baseDropout().or(modelDropout.attention()),
                execution.headDropout().or(modelDropout.head()));
        return new StepSettings(job.seed(), job.training().gradientAccumulationSteps(), loss(classWeights), rates);
    }

    private LossSettings loss(List<Float> classWeights) {
        TrainingConfig.Loss loss = job.training().loss();
        return new LossSettings(loss.labelSmoothingFactor(), loss.focalGamma().orElse(0), classWeights);
    }

    /** The length of the run if nothing stops it earlier. */
    RunLength length(int stepsPerEpoch) {
        return job.training().length(stepsPerEpoch);
    }

    OptimizerSettings optimizer(RunLength length, LoraManifest manifest, Encoder encoder) {
        TrainingConfig t = job.training();
        OptimizerSettings plain = new OptimizerSettings(
                t.learningRate(),
                learningRates(length),
                new AdamW(
                        t.adamBeta1(),
                        t.adamBeta2(),
                        t.adamEpsilon(),
                        t.weightDecay(),
                        t.weightDecayExclude()
                                .map(excluded -> undecayed(excluded, manifest, encoder))
                                .orElse(Set.of())),
                t.maxGradNorm());
        return t.loraplusLrRatio().isPresent()
                ? plain.withLoraPlus(t.loraplusLrRatio().getAsDouble())
                : plain;
    }

    private Set<String> undecayed(List<String> excluded, LoraManifest manifest, Encoder encoder) {
        return OptimizerSettings.undecayed(
                manifest,
                encoder,
                excluded.contains(TrainingConfig.BIAS),
                excluded.contains(TrainingConfig.LAYER_NORM),
                job.training().loraplusLrRatio().isPresent());
    }

    /** The factors on the learning rate, over the whole run. */
    LearningRateSchedule learningRates(RunLength length) {
        TrainingConfig t = job.training();
        int warmup = t.warmupRatio().isPresent()
                ? (int) Math.ceil(length.steps() * t.warmupRatio().getAsDouble())
                : t.warmupSteps();
        return new LearningRateSchedule(
                t.lrSchedulerType(), warmup, length.steps(), LearningRateSchedule.LAST_RATE / t.learningRate());
    }

    /** Whether a finished run is complete. Its {@code max_steps} cannot have changed. */
    StoppingCriteria completion() {
        return stoppingCriteria(job.training().numTrainEpochs().orElse(0));
    }

    /** When the run ends. */
    StoppingCriteria stoppingCriteria(int epochs) {
        TrainingConfig t = job.training();
        return new StoppingCriteria(
                epochs, t.metricForBestModel().orElse("loss"), t.loadBestModelAtEnd(), t.earlyStoppingPatience());
    }
}
