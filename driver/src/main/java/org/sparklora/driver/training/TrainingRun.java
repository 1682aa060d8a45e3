package org.sparklora.driver.training;

import java.io.IOException;
import java.time.Clock;
import java.util.List;
import org.apache.spark.SparkConf;
import org.apache.spark.sql.SparkSession;
import org.sparklora.driver.cluster.ExchangeChoice;
import org.sparklora.driver.cluster.Sessions;
import org.sparklora.driver.cluster.SparkEpochRunner;
import org.sparklora.driver.cluster.TaskLabels;
import org.sparklora.driver.job.config.DataOrder;
import org.sparklora.driver.job.config.ExecutionConfig;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.TrainingConfig;
import org.sparklora.driver.job.freeze.EpochMetrics;
import org.sparklora.driver.job.freeze.FreezePolicy;
import org.sparklora.driver.job.freeze.Replay;
import org.sparklora.driver.job.plan.EpochPlanner;
import org.sparklora.driver.job.plan.EpochWork;
import org.sparklora.driver.job.plan.StepCost;
import org.sparklora.driver.run.loop.StoppingCriteria;
import org.sparklora.driver.run.loop.TrainingLoop;
import org.sparklora.driver.run.loop.TrainingLoop.TrainingSettings;
import org.sparklora.driver.training.RunOutput.IfRunIsThere;
import org.sparklora.driver.watch.progress.Progress;
import org.sparklora.driver.watch.progress.RunMeter;
import org.sparklora.worker.contract.DropoutRates;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.StepSettings;
import org.sparklora.worker.data.ShardOrder;
import org.sparklora.worker.data.TextStatistics;
import org.sparklora.worker.spark.RunContext;
import org.sparklora.worker.train.AdamW;
import org.sparklora.worker.train.LearningRateSchedule;
import org.sparklora.worker.train.OptimizerSettings;
import org.sparklora.worker.train.ParameterInitializer;

/**
 * One run, from its job file to its adapter: output directory, model and groups, data, loop, results. What can be
 * checked without Spark is checked first, and everything before a run that is to be overwritten is cleared away.
 */
public final class TrainingRun {

    private final JobConfig job;
    private final IfRunIsThere ifRunIsThere;
    private final Clock clock = Clock.systemUTC();

    public TrainingRun(JobConfig job, IfRunIsThere ifRunIsThere) {
        this.job = job;
        this.ifRunIsThere = ifRunIsThere;
    }

    public ExitCode run() throws IOException {
        RunOutput output = RunOutput.open(job, clock, ifRunIsThere);
        if (output.nothingLeft(stopping())) {
            return ExitCode.OK;
        }
        try {
            JobModel model = JobModel.open(job);
            LoraManifest groups = model.groups();
            FreezePolicy policy = model.policy(groups);
            JobRows.requireFiles(job);
            ExchangeChoice exchange = ExchangeChoice.of(job.execution().exchange(), new SparkConf());
            Console.err(
                    "%s: reading and tokenising %s",
                    job.name(), job.data().train().path());
            try (SparkSession spark = Sessions.open("spark-lora " + job.name())) {
                Console.out("%s", train(spark, model, groups, policy, exchange, JobRows::read, output));
            }
            return ExitCode.OK;
        } catch (Throwable e) {
            // All of it: Spark throws checked exceptions that no signature names.
            if (output.failed(e)) {
                return ExitCode.CANCELLED;
            }
            throw e;
        }
    }

    /** The same on a session that is there and stays, with rows that Spark already has. */
    public void run(SparkSession spark, RowSource rows) throws IOException {
        RunOutput output = RunOutput.open(job, clock, ifRunIsThere);
        try {
            JobModel model = JobModel.open(job);
            LoraManifest groups = model.groups();
            FreezePolicy policy = model.policy(groups);
            ExchangeChoice exchange = ExchangeChoice.of(
                    job.execution().exchange(), spark.sparkContext().conf());
            train(spark, model, groups, policy, exchange, rows, output);
        } catch (Throwable e) {
            output.failed(e);
            throw e;
        }
    }

    /** Where a run's rows come from. */
    @FunctionalInterface
    public interface RowSource {
        JobRows read(SparkSession spark, JobConfig job);
    }

    /** The summary of the run. */
    private String train(
            SparkSession spark,
            JobModel model,
            LoraManifest groups,
            FreezePolicy policy,
            ExchangeChoice exchange,
            RowSource rows,
            RunOutput output)
            throws IOException {
        JobData data = JobData.prepare(rows.read(spark, job), job, model);
        LoraManifest manifest = model.withHead(groups, data.head());
        ParameterInitializer firstValues = model.firstValues(manifest, data.labels());
        StepSettings settings = stepSettings(model);
        RunContext context = new RunContext(
                model.source(),
                data.head(),
                settings,
                order(),
                model.tokenizer().padTokenId());

        TrainingConfig training = job.training();
        int steps = data.training().plan().stepsPerEpoch();
        EpochPlanner planner = new EpochPlanner(
                manifest, model.base().encoder(), data.training().plan(), model.cacheRule());
        TrainingSettings trainingSettings = new TrainingSettings(policy, optimizer(steps), stopping(), planner);
        RunMeter meter = new RunMeter(clock);
        Progress progress = new Progress(meter, clock, Console.screen());
        FreezeState initial = model.initial(policy, groups, steps);
        output.started(model, manifest, initial, data, spark, exchange);
        policy.neverReached(training.numTrainEpochs(), steps)
                .forEach(line -> Console.err("%s: warning: %s", job.name(), line));
        RunRecord.Report report =
                new RunRecord.Report(work(trainingSettings, initial, data, output.seen()), output::epochEnded);
        try (RunGauges gauges = new RunGauges(meter);
                RunRecord record =
                        new RunRecord(output.history(), progress, clock, training.numTrainEpochs(), steps, report);
                SparkEpochRunner runner = new SparkEpochRunner(
                        spark,
                        context,
                        model.base().encoder(),
                        new SparkEpochRunner.Data(
                                data.training(),
                                data.validation(),
                                new TaskLabels(job.model().task(), data.labels())),
                        new SparkEpochRunner.Settings(
                                exchange,
                                job.execution().maxFailures(),
                                job.execution().activationCache()),
                        record)) {
            gauges.show();
            TrainingLoop loop = new TrainingLoop(firstValues, trainingSettings, runner, record, clock);
            TrainingLoop.Result result = output.run(loop);
            return output.finished(model, manifest, data, result);
        }
    }

    /** Counts of an epoch's work, from the lengths of all rows. */
    private EpochWork work(
            TrainingSettings trainingSettings, FreezeState initial, JobData data, List<EpochMetrics> seen) {
        TextStatistics lengths = data.training().statistics();
        TrainingConfig training = job.training();
        double rowsTogether = (double) training.batchSize() / training.shards() / training.gradientAccumulationSteps();
        return new EpochWork(
                new StepCost(trainingSettings.planner(), lengths),
                new EpochWork.Run(
                        new Replay(
                                trainingSettings.policy(),
                                trainingSettings.shards().stepsPerEpoch()),
                        initial,
                        trainingSettings.planner()),
                lengths,
                rowsTogether,
                seen);
    }

    private ShardOrder order() {
        if (job.data().order() == DataOrder.GIVEN) {
            return ShardOrder.given();
        }
        return job.data().groupByLength() ? ShardOrder.groupedByLength(job.seed()) : ShardOrder.shuffled(job.seed());
    }

    private StepSettings stepSettings(JobModel model) {
        ExecutionConfig execution = job.execution();
        DropoutRates own = model.base().encoder().modelDropout();
        DropoutRates rates = new DropoutRates(
                execution.baseDropout().or(own.hidden()),
                execution.baseDropout().or(own.attention()),
                execution.headDropout().or(own.head()));
        return new StepSettings(
                job.seed(),
                job.training().gradientAccumulationSteps(),
                job.training().labelSmoothingFactor(),
                rates);
    }

    private OptimizerSettings optimizer(int stepsPerEpoch) {
        TrainingConfig t = job.training();
        OptimizerSettings plain = new OptimizerSettings(
                t.learningRate(),
                schedule(t, stepsPerEpoch),
                new AdamW(t.adamBeta1(), t.adamBeta2(), t.adamEpsilon(), t.weightDecay()),
                t.maxGradNorm());
        return t.loraplusLrRatio().isPresent()
                ? plain.withLoraPlus(t.loraplusLrRatio().getAsDouble())
                : plain;
    }

    /** The factors on the learning rate over all epochs. */
    public static LearningRateSchedule schedule(TrainingConfig t, int stepsPerEpoch) {
        LearningRateSchedule.Type type = switch (t.lrSchedulerType()) {
            case LINEAR -> LearningRateSchedule.Type.LINEAR;
            case CONSTANT -> LearningRateSchedule.Type.CONSTANT;
            case COSINE -> LearningRateSchedule.Type.COSINE;
        };
        return new LearningRateSchedule(type, t.warmupSteps(), (long) stepsPerEpoch * t.numTrainEpochs());
    }

    private StoppingCriteria stopping() {
        TrainingConfig t = job.training();
        return new StoppingCriteria(
                t.numTrainEpochs(),
                t.metricForBestModel().orElse("loss"),
                t.loadBestModelAtEnd(),
                t.earlyStoppingPatience());
    }
}
