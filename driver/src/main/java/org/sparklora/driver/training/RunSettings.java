package org.sparklora.driver.training;

import org.sparklora.driver.cluster.data.ShardLayout;
import org.sparklora.driver.job.config.DataOrder;
import org.sparklora.driver.job.config.ExecutionConfig;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.TrainingConfig;
import org.sparklora.driver.run.loop.StoppingCriteria;
import org.sparklora.worker.contract.DropoutRates;
import org.sparklora.worker.contract.StepSettings;
import org.sparklora.worker.data.ShardOrder;
import org.sparklora.worker.train.AdamW;
import org.sparklora.worker.train.LearningRateSchedule;
import org.sparklora.worker.train.OptimizerSettings;

/** Translates the job's {@code training}, {@code data} and {@code execution} keys into the settings of loop and workers. */
record RunSettings(JobConfig job) {

    /** How training rows are divided into shards. */
    ShardLayout layout() {
        boolean given = job.data().order() == DataOrder.GIVEN;
        return new ShardLayout(
                job.seed(), job.training().shards(), job.training().batchSize(), given);
    }

    /** The order of rows within an epoch. */
    ShardOrder order() {
        if (job.data().order() == DataOrder.GIVEN) {
            return ShardOrder.given();
        }
        return job.data().groupByLength() ? ShardOrder.groupedByLength(job.seed()) : ShardOrder.shuffled(job.seed());
    }

    /** @param modelDropout the rates in the model's config.json, which apply unless the job gives others */
    StepSettings step(DropoutRates modelDropout) {
        ExecutionConfig execution = job.execution();
        DropoutRates rates = new DropoutRates(
                execution.baseDropout().or(modelDropout.hidden()),
                execution.baseDropout().or(modelDropout.attention()),
                execution.headDropout().or(modelDropout.head()));
        return new StepSettings(
                job.seed(),
                job.training().gradientAccumulationSteps(),
                job.training().labelSmoothingFactor(),
                rates);
    }

    OptimizerSettings optimizer(int stepsPerEpoch) {
        TrainingConfig t = job.training();
        OptimizerSettings plain = new OptimizerSettings(
                t.learningRate(),
                learningRates(stepsPerEpoch),
                new AdamW(t.adamBeta1(), t.adamBeta2(), t.adamEpsilon(), t.weightDecay()),
                t.maxGradNorm());
        return t.loraplusLrRatio().isPresent()
                ? plain.withLoraPlus(t.loraplusLrRatio().getAsDouble())
                : plain;
    }

    /** The factors on the learning rate, over all epochs. */
    LearningRateSchedule learningRates(int stepsPerEpoch) {
        TrainingConfig t = job.training();
        LearningRateSchedule.Type type =
                LearningRateSchedule.Type.valueOf(t.lrSchedulerType().name());
        long total = (long) stepsPerEpoch * t.numTrainEpochs();
        int warmup = t.warmupRatio().isPresent()
                ? (int) Math.ceil(total * t.warmupRatio().getAsDouble())
                : t.warmupSteps();
        return new LearningRateSchedule(type, warmup, total, LearningRateSchedule.LAST_RATE / t.learningRate());
    }

    StoppingCriteria stoppingCriteria() {
        TrainingConfig t = job.training();
        return new StoppingCriteria(
                t.numTrainEpochs(),
                t.metricForBestModel().orElse("loss"),
                t.loadBestModelAtEnd(),
                t.earlyStoppingPatience());
    }
}
