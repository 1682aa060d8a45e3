package org.sparklora.driver.training;

import java.io.IOException;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import org.sparklora.driver.cluster.ExchangeChoice;
import org.sparklora.driver.cluster.ExecutorSurvey;
import org.sparklora.driver.cluster.LostExecutors;
import org.sparklora.driver.cluster.PlacedData;
import org.sparklora.driver.cluster.Sessions;
import org.sparklora.driver.cluster.SparkEpochRunner;
import org.sparklora.driver.cluster.data.RunData;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.TrainingConfig;
import org.sparklora.driver.job.freeze.EpochMetrics;
import org.sparklora.driver.job.freeze.RunLength;
import org.sparklora.driver.job.plan.EpochWork;
import org.sparklora.driver.job.plan.StepCost;
import org.sparklora.driver.run.loop.RunListener;
import org.sparklora.driver.run.loop.TrainingLoop;
import org.sparklora.driver.run.loop.TrainingLoop.TrainingSettings;
import org.sparklora.driver.training.RunOutput.IfRunIsThere;
import org.sparklora.driver.watch.progress.Progress;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.data.TextStatistics;
import org.sparklora.worker.machine.Machine;
import org.sparklora.worker.spark.RunContext;
import org.sparklora.worker.train.ParameterInitializer;

/**
 * One run, from its job file to its adapter: output directory, model and groups, data, loop, results.
 *
 * <p>Errors that can be found without Spark are found before Spark starts. A run that {@code --overwrite} replaces is deleted
 * only after all inputs of the new run were checked.
 */
public final class TrainingRun {

    private final JobConfig job;
    private final RunSettings settings;
    private final IfRunIsThere ifRunIsThere;
    private final Clock clock = Clock.systemUTC();

    /**
     * A part of a run.
     *
     * @param epochs after which it ends
     * @param goesOn whether the run can go on from there later; otherwise its adapter is written then
     */
    public record Leg(int epochs, boolean goesOn) {

        /** The whole run. */
        public static final Leg WHOLE = new Leg(Integer.MAX_VALUE, false);
    }

    /**
     * Where a run has arrived.
     *
     * @param seen metrics of all its epochs
     * @param finished whether its adapter is written
     * @param summary for the user; empty if the run goes on
     */
    public record Reached(List<EpochMetrics> seen, boolean finished, String summary) {}

    /** The epoch whose adapter is the result of a job after these epochs; −1 if there are none. */
    public static int resultEpoch(JobConfig job, List<EpochMetrics> seen) {
        return seen.isEmpty() ? -1 : new RunSettings(job).completion().resultEpoch(seen);
    }

    /** Gives a run its rows. */
    @FunctionalInterface
    interface RowSource {

        /** The tokenized rows of the job, which trains this model, placed for an exchange. The run closes them. */
        PlacedData open(JobModel model, ExchangeChoice exchange);
    }

    public TrainingRun(JobConfig job, IfRunIsThere ifRunIsThere) throws IOException {
        JobConfig begun = ifRunIsThere == IfRunIsThere.RESUME ? Resumption.asBegun(job) : job;
        this.job = HostDirectory.pinned(begun).with(begun.arithmetic(Machine.arithmetic()));
        this.settings = new RunSettings(this.job);
        this.ifRunIsThere = ifRunIsThere;
    }

    /** Runs the job as a command: opens a Spark session, reads the job's files and prints a summary. */
    public ExitCode run() throws IOException {
        RunOutput output = new RunOutput(job, clock, ifRunIsThere);
        if (output.nothingLeft(settings.completion())) {
            return ExitCode.OK;
        }
        try {
            JobGroups groups = JobGroups.of(JobModel.open(job));
            JobRows.requireFiles(job);
            ExchangeChoice exchange = ExchangeChoice.of(job.execution().exchange(), new SparkConf());
            Console.err(
                    "%s: reading and tokenizing %s",
                    job.name(), job.data().train().name());
            try (SparkSession spark = Sessions.open("spark-lora " + job.name());
                    LostExecutors lost = LostExecutors.watch(spark.sparkContext())) {
                RowSource files = (model, choice) -> own(spark, JobRows.read(spark, job), model, choice);
                Console.out(
                        "%s",
                        train(spark, groups, exchange, files, Leg.WHOLE, output, lost)
                                .summary());
            }
            return ExitCode.OK;
        } catch (Throwable e) {
            // Throwable, because Spark throws checked exceptions that no signature declares.
            if (output.failed(e)) {
                return ExitCode.CANCELLED;
            }
            throw e;
        }
    }

    /**
     * Runs the job on a session that stays open, with rows that Spark has already.
     *
     * @param shared where other runs may have left the same rows, tokenized; empty: they are tokenized for this run
     */
    void run(SparkSession spark, DatasetTraining.Rows rows, Optional<SharedRows> shared) throws IOException {
        RowSource source = shared.map(known -> known.of(spark, job, rows))
                .orElse((model, exchange) -> own(spark, JobRows.of(job, rows), model, exchange));
        run(spark, source, new RunOutput(job, clock, ifRunIsThere), Leg.WHOLE);
    }

    /**
     * Runs a part of the job on a session that stays open, with rows that stay, too. Nothing runs if the directory has that
     * part already.
     */
    public Reached run(SparkSession spark, SharedRows rows, Leg leg) throws IOException {
        RunOutput output = new RunOutput(job, clock, ifRunIsThere);
        Optional<Reached> there = output.reached(settings.completion(), leg);
        return there.isPresent() ? there.get() : run(spark, rows.of(spark, job), output, leg);
    }

    private Reached run(SparkSession spark, RowSource rows, RunOutput output, Leg leg) throws IOException {
        try (LostExecutors lost = LostExecutors.watch(spark.sparkContext())) {
            JobGroups groups = JobGroups.of(JobModel.open(job));
            ExchangeChoice exchange = ExchangeChoice.of(
                    job.execution().exchange(), spark.sparkContext().conf());
            return train(spark, groups, exchange, rows, leg, output, lost);
        } catch (Throwable e) {
            output.failed(e);
            throw e;
        }
    }

    private PlacedData own(SparkSession spark, JobRows rows, JobModel model, ExchangeChoice exchange) {
        return PlacedData.of(spark, rows.prepare(job, model), exchange);
    }

    private Reached train(
            SparkSession spark,
            JobGroups groups,
            ExchangeChoice exchange,
            RowSource source,
            Leg leg,
            RunOutput output,
            LostExecutors lost)
            throws IOException {
        try (PlacedData rows = source.open(groups.model(), exchange)) {
            return train(spark, groups, exchange, rows, leg, output, lost);
        }
    }

    private Reached train(
            SparkSession spark,
            JobGroups groups,
            ExchangeChoice exchange,
            PlacedData rows,
            Leg leg,
            RunOutput output,
            LostExecutors lost)
            throws IOException {
        JobModel model = groups.model();
        RunData data = rows.data();
        int steps = data.training().plan().stepsPerEpoch();
        RunLength length = settings.length(steps);
        RunSetup setup = groups.setup();
        LoraManifest manifest = setup.withHead(JobRows.head(job, data.labels()), length);
        ParameterInitializer initializer = groups.initializer(manifest, data.labels());
        FreezeState initial = setup.initial(length);
        String instructions = ExecutorSurvey.instructions(JavaSparkContext.fromSparkContext(spark.sparkContext()));
        RunOutput.Start start = new RunOutput.Start(model, manifest, initial, data, exchange, instructions);
        output.started(start, spark);
        groups.policy().neverReached(length).forEach(line -> Console.err("%s: warning: %s", job.name(), line));

        TrainingSettings training =
                setup.training(manifest, data.training().plan()).pausingAfter(leg.epochs());
        EpochWork work = work(training, initial, data, output);
        Progress progress = new Progress(clock, Console.screen());
        try (RunGauges gauges = new RunGauges(progress);
                RunRecord record = new RunRecord(output, work, progress, clock, length);
                SparkEpochRunner runner = runner(spark, setup, start, rows, record, lost)) {
            gauges.show();
            TrainingLoop loop = new TrainingLoop(initializer, training, runner, record, clock);
            TrainingLoop.Result result = output.run(loop);
            lost.close();
            lost.report(record);
            if (leg.goesOn() && !record.isStopped() && !training.stopping().reached(record.seen())) {
                output.paused(record.seen().size());
                return new Reached(record.seen(), false, "");
            }
            return new Reached(record.seen(), true, output.finished(start, result));
        }
    }

    /** The runner of a run on the cluster. */
    static SparkEpochRunner runner(
            SparkSession spark,
            RunSetup setup,
            RunOutput.Start start,
            PlacedData rows,
            RunListener listener,
            LostExecutors lost) {
        JobConfig job = setup.job();
        JobModel model = start.model();
        RunData data = start.data();
        RunContext context = setup.context(
                model.source(),
                JobRows.head(job, data.labels()),
                data.classWeights(),
                model.tokenizer().padTokenId(),
                start.instructions());
        return new SparkEpochRunner(
                spark,
                context,
                model.encoder(),
                rows,
                new SparkEpochRunner.ClusterSettings(
                        start.exchange(),
                        job.execution().maxFailures(),
                        new SparkEpochRunner.Patience(
                                job.execution().executorTimeout(),
                                job.execution().minExecutors()),
                        job.execution().activationCache()),
                listener,
                lost);
    }

    /** Counts the work of each epoch from the lengths of all rows. */
    private EpochWork work(TrainingSettings training, FreezeState initial, RunData data, RunOutput output) {
        TextStatistics lengths = data.training().statistics();
        TrainingConfig t = job.training();
        double rowsTogether = (double) t.batchSize() / t.shards() / t.gradientAccumulationSteps();
        return new EpochWork(
                new StepCost(training.planner(), lengths, rowsTogether),
                new EpochWork.Run(training.policy(), training.length(), initial, training.planner()),
                lengths,
                rowsTogether,
                output.seen());
    }
}
