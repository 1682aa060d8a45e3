package org.sparklora.driver.training;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import org.sparklora.driver.cluster.Sessions;
import org.sparklora.driver.cluster.TaskSlots;
import org.sparklora.driver.cluster.data.DataSurvey;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.TrainingConfig;
import org.sparklora.driver.job.freeze.FreezePolicy;
import org.sparklora.driver.job.plan.EpochPlanner;
import org.sparklora.driver.job.plan.RunPlan;
import org.sparklora.driver.job.plan.StepCost;
import org.sparklora.driver.job.plan.Timeline;
import org.sparklora.driver.job.plan.Warnings;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.ShardPlan;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.train.LearningRateSchedule;

/**
 * Puts the plan of a job together: model, groups and policy as a run would, and a look at the data. What a run
 * would refuse of these is refused here.
 */
public final class JobPlan {

    /** Enough for a mean length within a few per cent. */
    private static final int SAMPLE_ROWS = 2_000;

    private final JobConfig job;
    private final JobModel model;
    private final LoraManifest groups;
    private final FreezePolicy policy;

    private JobPlan(JobConfig job) {
        this.job = job;
        this.model = JobModel.open(job);
        this.groups = model.groups();
        this.policy = model.policy(groups);
    }

    /** The plan of a job. Reads its data as a run would, and tokenises a sample of it. */
    public static RunPlan of(JobConfig job) throws IOException {
        JobPlan plan = new JobPlan(job);
        JobRows.requireFiles(job);
        try (SparkSession spark = Sessions.open("spark-lora plan " + job.name())) {
            return plan.of(spark);
        }
    }

    /** The same in a session that is open already. */
    public static RunPlan of(SparkSession spark, JobConfig job) {
        JobRows.requireFiles(job);
        return new JobPlan(job).of(spark);
    }

    private RunPlan of(SparkSession spark) {
        try (JobRows rows = JobRows.read(spark, job)) {
            return of(spark, rows);
        }
    }

    private RunPlan of(SparkSession spark, JobRows rows) {
        DataSurvey survey = DataSurvey.of(rows.training(), rows.codec(), model.tokenization(), SAMPLE_ROWS);
        OptionalLong held = rows.validation().isPresent()
                ? OptionalLong.of(DataSurvey.count(rows.validation().get(), rows.codec()))
                : OptionalLong.empty();
        TrainingConfig training = job.training();
        ShardPlan shards = JobData.layout(job).plan(survey.rows());
        int epochs = training.numTrainEpochs();
        int steps = shards.stepsPerEpoch();
        LoraManifest manifest = model.withHead(groups, rows.head());
        // Refuses an init_adapter that does not fit; the values themselves are for a run.
        model.firstValues(manifest, rows.labels());
        List<Timeline> timelines = Timeline.of(policy, model.initial(policy, groups, steps), epochs, steps);
        LearningRateSchedule schedule = TrainingRun.schedule(training, steps);
        List<String> warnings = new ArrayList<>(model.peftTraps());
        warnings.addAll(new Warnings(policy, timelines, schedule).of(manifest.groups(), epochs, steps));
        RunPlan.Subject subject = new RunPlan.Subject(
                job.name(),
                describeModel(),
                new RunPlan.Data(shards, held, survey.sample(), job.model().maxLength(), rows.labels()),
                new RunPlan.Schedule(
                        job.schedule().policy().kind().label(),
                        epochs,
                        policy.mayEndBefore(),
                        training.learningRate(),
                        schedule),
                memory(spark, shards));
        EpochPlanner planner = new EpochPlanner(manifest, model.base().encoder(), shards, model.cacheRule());
        return new RunPlan(subject, planner, new StepCost(planner, survey.sample()), timelines, warnings);
    }

    private RunPlan.Model describeModel() {
        Encoder encoder = model.base().encoder();
        long weights = encoder.weights().stream().mapToLong(TensorSpec::size).sum();
        return new RunPlan.Model(
                model.directory().toString(), encoder.layers(), encoder.hiddenSize(), weights * Float.BYTES);
    }

    private RunPlan.Memory memory(SparkSession spark, ShardPlan shards) {
        int rows = ceil(shards.batchSize(), shards.shards());
        int piece = ceil(rows, job.training().gradientAccumulationSteps());
        boolean baseDropout = job.execution()
                        .baseDropout()
                        .or(model.base().encoder().modelDropout().hidden())
                > 0;
        return new RunPlan.Memory(
                TaskSlots.perExecutor(JavaSparkContext.fromSparkContext(spark.sparkContext())), piece, baseDropout);
    }

    private static int ceil(int a, int b) {
        return (a + b - 1) / b;
    }
}
