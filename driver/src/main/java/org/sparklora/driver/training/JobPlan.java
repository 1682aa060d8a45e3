package org.sparklora.driver.training;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.LongFunction;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import org.sparklora.driver.cluster.ExchangeChoice;
import org.sparklora.driver.cluster.Sessions;
import org.sparklora.driver.cluster.TaskSlots;
import org.sparklora.driver.cluster.data.DataSurvey;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.freeze.FreezePolicy;
import org.sparklora.driver.job.freeze.RunLength;
import org.sparklora.driver.job.plan.EpochPlanner;
import org.sparklora.driver.job.plan.KeyPacking;
import org.sparklora.driver.job.plan.KeyedPlan;
import org.sparklora.driver.job.plan.RunPlan;
import org.sparklora.driver.job.plan.StepCost;
import org.sparklora.driver.job.plan.Timeline;
import org.sparklora.driver.job.plan.Warnings;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.ShardPlan;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.head.TaskHead;
import org.sparklora.worker.train.LearningRateSchedule;

/** Computes the plan of a job from its model, groups, policy and a sample of its data. Refuses what a run would refuse. */
public final class JobPlan {

    /** Enough rows for a mean length within a few per cent. */
    private static final int SAMPLE_ROWS = 2_000;

    private JobPlan() {}

    /** Reads the job's data as a run would, and tokenizes a sample of it. */
    public static RunPlan of(JobConfig job) throws IOException {
        JobGroups groups = JobGroups.of(JobModel.open(job));
        JobRows.requireFiles(job);
        ExchangeChoice.of(job.execution().exchange(), new SparkConf());
        try (SparkSession spark = Sessions.open("spark-lora plan " + job.name())) {
            return of(spark, groups);
        }
    }

    /** The same in an open session, once {@link JobRows#requireFiles} has found the data. */
    public static RunPlan of(SparkSession spark, JobGroups groups) {
        try (JobRows rows = JobRows.read(spark, groups.model().job())) {
            return of(spark, groups, rows);
        }
    }

    /** The plan of a job with {@code data.adapter}: reads the keys of all rows. */
    public static KeyedPlan keyed(JobConfig job) throws IOException {
        JobGroups groups = JobGroups.of(JobModel.open(job));
        JobRows.requireFiles(job);
        try (SparkSession spark = Sessions.open("spark-lora plan " + job.name())) {
            SortedMap<String, Long> rows = new TreeMap<>();
            KeyedRun.count(job, KeyedRun.read(spark, job)).forEach((key, count) -> rows.put(key, count.training()));
            KeyPacking packing = KeyedRun.packing(groups, rows, KeyPacking.Limits.DEFAULT);
            RunSettings settings = new RunSettings(job);
            LongFunction<RunLength> length =
                    count -> settings.length(settings.layout().plan(count).stepsPerEpoch());
            int minRows = job.data().keyed().minRows().orElseThrow();
            List<Long> trained =
                    rows.values().stream().filter(count -> count >= minRows).toList();
            RunSetup setup = groups.setup();
            RunLength one = length.apply(Math.max(1, minRows));
            // The number of labels does not matter here, nor that of rows.
            TaskHead head = JobRows.head(job, List.of("a", "b"));
            KeyedPlan.Work work = KeyedPlan.Work.of(
                    trained,
                    length,
                    groups.policy(),
                    setup.initial(one),
                    new EpochPlanner(
                            setup.withHead(head, one),
                            groups.model().encoder(),
                            settings.layout().plan(minRows),
                            setup.cachePolicy()),
                    job.lora().init().isPresent());
            return new KeyedPlan(job.name(), job.data().keyed().adapter().orElseThrow(), rows, packing, work);
        }
    }

    /** The same with rows that are read already. */
    public static RunPlan of(SparkSession spark, JobGroups groups, JobRows rows) {
        JobConfig job = groups.model().job();
        RunSettings settings = new RunSettings(job);
        JobModel model = groups.model();
        FreezePolicy policy = groups.policy();
        DataSurvey survey = DataSurvey.of(rows.training(), rows.codec(), model.tokenization(), SAMPLE_ROWS);
        OptionalLong validationRows = rows.validation().isPresent()
                ? OptionalLong.of(DataSurvey.count(rows.validation().get(), rows.codec()))
                : OptionalLong.empty();
        ShardPlan shards = settings.layout().plan(survey.rows());
        int steps = shards.stepsPerEpoch();
        RunLength length = settings.length(steps);
        RunSetup setup = groups.setup();
        LoraManifest manifest = setup.withHead(JobRows.head(job, rows.labels()), length);
        // Only to refuse an init_adapter that does not fit.
        groups.initializer(manifest, rows.labels());
        List<Timeline> timelines = Timeline.of(policy, setup.initial(length), length);
        LearningRateSchedule schedule = settings.learningRates(length);
        List<String> warnings = new ArrayList<>(groups.peftTraps());
        warnings.addAll(new Warnings(policy, timelines, schedule).of(manifest.groups(), length));
        RunPlan.Subject subject = new RunPlan.Subject(
                job.name(),
                describe(model),
                new RunPlan.Data(
                        shards, validationRows, survey.sample(), job.model().maxLength(), rows.labels()),
                new RunPlan.Schedule(
                        job.schedule().kind().label(),
                        length,
                        policy.mayEndBefore(),
                        job.training().learningRate(),
                        schedule),
                memory(spark, model, shards));
        EpochPlanner planner = new EpochPlanner(manifest, model.encoder(), shards, setup.cachePolicy());
        double rowsTogether =
                (double) shards.batchSize() / shards.shards() / job.training().gradientAccumulationSteps();
        return new RunPlan(subject, planner, new StepCost(planner, survey.sample(), rowsTogether), timelines, warnings);
    }

    private static RunPlan.Model describe(JobModel model) {
        Encoder encoder = model.encoder();
        long bytes = encoder.weights().stream()
                .mapToLong(weight ->
                        (long) weight.size() * (model.base().isRounded(weight.name()) ? Short.BYTES : Float.BYTES))
                .sum();
        return new RunPlan.Model(model.directory().toString(), encoder.layers(), encoder.hiddenSize(), bytes);
    }

    private static RunPlan.Memory memory(SparkSession spark, JobModel model, ShardPlan shards) {
        JobConfig job = model.job();
        int rows = ceil(shards.batchSize(), shards.shards());
        int microbatch = ceil(rows, job.training().gradientAccumulationSteps());
        double dropout =
                job.execution().baseDropout().or(model.encoder().modelDropout().hidden());
        return new RunPlan.Memory(
                TaskSlots.perExecutor(JavaSparkContext.fromSparkContext(spark.sparkContext())),
                microbatch,
                dropout > 0,
                model.base().arithmetic().precision());
    }

    private static int ceil(int a, int b) {
        return (a + b - 1) / b;
    }
}
