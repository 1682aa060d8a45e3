package org.sparklora.driver.app;

import ai.djl.util.Utils;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import org.sparklora.driver.cluster.ExchangeChoice;
import org.sparklora.driver.cluster.ExecutorSurvey;
import org.sparklora.driver.cluster.Locations;
import org.sparklora.driver.cluster.Sessions;
import org.sparklora.driver.job.config.Exchange;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.plan.RunPlan;
import org.sparklora.driver.training.ExitCode;
import org.sparklora.driver.training.JobGroups;
import org.sparklora.driver.training.JobModel;
import org.sparklora.driver.training.JobPlan;
import org.sparklora.driver.training.JobRows;
import org.sparklora.driver.training.ProductVersion;
import org.sparklora.driver.watch.doctor.ClockChecks;
import org.sparklora.driver.watch.doctor.ExecutorChecks;
import org.sparklora.driver.watch.doctor.Finding;
import org.sparklora.driver.watch.doctor.MemoryChecks;
import org.sparklora.driver.watch.doctor.MemoryChecks.Room;
import org.sparklora.driver.watch.doctor.SecurityChecks;
import org.sparklora.driver.watch.doctor.SlotChecks;
import org.sparklora.driver.watch.doctor.VersionChecks;
import org.sparklora.worker.contract.HostReport.Software;
import org.sparklora.worker.contract.ModelSource;
import org.sparklora.worker.machine.Machine;
import org.sparklora.worker.spark.ExamineTask;
import scala.Tuple2;

/**
 * The checks of {@code doctor}, in the order in which a run would find the problems: this process, its settings, the job's
 * files, the executors, and whether the job fits them. This class collects facts; {@link org.sparklora.driver.watch.doctor}
 * judges them.
 */
final class Doctor {

    /** Natives unpack to 450 MB. A JVM that unpacks them needs the same space again for a moment. */
    private static final long UNPACKING_BYTES = 1L << 30;

    private final Optional<JobConfig> job;
    private final Consumer<Finding> findings;
    private final SparkConf conf = new SparkConf();
    private final String master = conf.get("spark.master", "local[*]");
    private final int taskCpus = conf.getInt("spark.task.cpus", 1);

    /** The job's base model, once it has been read. */
    private Optional<JobModel> model = Optional.empty();

    /** The job's groups, once they fit the model. */
    private Optional<JobGroups> groups = Optional.empty();

    private boolean dataFound;

    /**
     * @param job empty: model, data and output are not checked
     * @param findings receives each finding at once
     */
    Doctor(Optional<JobConfig> job, Consumer<Finding> findings) {
        this.job = job;
        this.findings = findings;
    }

    /** Runs every check. */
    void examine() {
        Software software = software();
        found(VersionChecks.java(software.java()));
        found(VersionChecks.ofThisJar().spark(software.spark(), software.scala()));
        String natives = software.natives().said();
        found(software.natives().load() ? Finding.ok("PyTorch " + natives + " loads") : Finding.problem(natives));
        found(nativesFolder());
        Runtime jvm = Runtime.getRuntime();
        found(MemoryChecks.driverHeap(jvm.maxMemory(), jvm.availableProcessors()));
        found(Finding.ok("master " + master));
        found(SlotChecks.taskCpus(taskCpus));
        found(this::exchange);
        found(SecurityChecks.of(isOneMachine(), settings()));
        job.ifPresent(this::files);
        attempt(() -> executors(software));
    }

    private static Software software() {
        return new Software(
                Runtime.version().toString(),
                org.apache.spark.package$.MODULE$.SPARK_VERSION(),
                scala.util.Properties.versionNumberString(),
                ProductVersion.current(),
                ExamineTask.natives());
    }

    private static Finding nativesFolder() {
        Path cache = Utils.getEngineCacheDir();
        Path existing = cache;
        while (existing != null && !Files.exists(existing)) {
            existing = existing.getParent();
        }
        if (existing == null || !Files.isWritable(existing)) {
            return Finding.problem(
                    "natives unpack to " + cache + ", which is not writable", "set DJL_CACHE_DIR to a writable folder");
        }
        try {
            long free = Files.getFileStore(existing).getUsableSpace();
            String found = String.format(Locale.ROOT, "natives unpack to %s, %,d MB free", cache, free >> 20);
            return free < UNPACKING_BYTES
                    ? Finding.warning(found, "unpacking takes up to 1 GB; free some space or set DJL_CACHE_DIR")
                    : Finding.ok(found);
        } catch (IOException e) {
            return Finding.warning(
                    "the free space of " + existing + " is unknown: " + e.getMessage(), "check it yourself");
        }
    }

    private Finding exchange() {
        Exchange wanted = job.map(j -> j.execution().exchange()).orElse(Exchange.AUTO);
        ExchangeChoice choice = ExchangeChoice.of(wanted, conf);
        OptionalInt instances = conf.contains("spark.executor.instances")
                ? OptionalInt.of(conf.getInt("spark.executor.instances", 0))
                : OptionalInt.empty();
        return SlotChecks.exchange(choice.peer(), choice.reason(), instances);
    }

    private boolean isOneMachine() {
        return master.startsWith("local") || master.startsWith("spark://127.0.0.1:");
    }

    private Map<String, String> settings() {
        return Arrays.stream(conf.getAll()).collect(Collectors.toMap(Tuple2::_1, Tuple2::_2));
    }

    private void files(JobConfig config) {
        found(() -> {
            JobModel opened = JobModel.open(config);
            model = Optional.of(opened);
            groups = Optional.of(JobGroups.of(opened));
            return Finding.ok("base model " + config.model().path() + " and the groups of the job fit together");
        });
        attempt(() -> {
            JobRows.requireFiles(config);
            dataFound = true;
        });
        found(() -> config.output().isEmpty()
                ? Finding.ok("the job file names no output; train needs --output DIR")
                : new OutputProbe(Locations.directory(config.output())).finding());
    }

    private void executors(Software driver) throws IOException {
        try (SparkSession session = Sessions.open("spark-lora doctor")) {
            JavaSparkContext spark = JavaSparkContext.fromSparkContext(session.sparkContext());
            List<ModelSource> models = model.map(JobModel::source).stream().toList();
            ExecutorSurvey.Answer answer = new ExecutorSurvey(spark, Clock.systemUTC()).ask(models);
            judge(driver, answer);
            job.ifPresent(config -> fits(config, session, answer));
            if (job.isEmpty()) {
                found(MemoryChecks.withoutJob(room(answer)));
            }
        }
    }

    private void judge(Software driver, ExecutorSurvey.Answer answer) {
        ExecutorChecks checks = new ExecutorChecks(answer.hosts());
        found(checks.number(ExecutorSurvey.expected(conf)));
        checks.versions(driver).forEach(this::found);
        found(checks.natives());
        checks.cpus().forEach(this::found);
        SlotChecks.cores(answer.slots(), taskCpus, answer.hosts()).forEach(this::found);
        ExecutorSurvey.Clocks clocks = answer.clocks();
        SlotChecks.speed(clocks.readings()).forEach(this::found);
        found(ClockChecks.of(clocks.before(), clocks.after(), clocks.readings()));
        model.ifPresent(opened -> found(checks.model(opened.source().location(), Machine.listing(opened.directory()))));
    }

    /** Checks whether the cluster has the data, slots and memory that a job needs. */
    private void fits(JobConfig config, SparkSession session, ExecutorSurvey.Answer answer) {
        found(SlotChecks.shards(answer.slots(), config.training().shards()));
        if (groups.isEmpty() || !dataFound) {
            return;
        }
        attempt(() -> {
            RunPlan plan = JobPlan.of(session, groups.get());
            RunPlan.Data data = plan.subject().data();
            found(Finding.ok(String.format(
                    Locale.ROOT,
                    "data: %,d training rows, %,d validation rows",
                    data.shards().examples(),
                    data.validationRows().orElse(0))));
            int tasks = (answer.slots() + answer.hosts().size() - 1)
                    / answer.hosts().size();
            found(MemoryChecks.of(
                    room(answer),
                    new MemoryChecks.Need(
                            plan.subject().model().weightBytes() + plan.residualBytes(),
                            plan.savedBytes() + plan.stateBytes(),
                            tasks)));
        });
    }

    private Room room(ExecutorSurvey.Answer answer) {
        if (!master.equals("yarn") && !master.startsWith("k8s://")) {
            return MemoryChecks.ofHosts(answer.hosts());
        }
        String overhead = "spark.executor.memoryOverhead";
        String factor = "spark.executor.memoryOverheadFactor";
        return MemoryChecks.ofContainer(
                conf.getSizeAsBytes("spark.executor.memory", "1g"),
                conf.contains(overhead) ? Optional.of(conf.getSizeAsMb(overhead) << 20) : Optional.empty(),
                conf.contains(factor) ? Optional.of(conf.getDouble(factor, 0)) : Optional.empty());
    }

    private void found(Finding finding) {
        findings.accept(finding);
    }

    private void found(Supplier<Finding> check) {
        attempt(() -> found(check.get()));
    }

    /** Some checks. They may throw IOException, because closing a session of Spark 4 may. */
    @FunctionalInterface
    private interface Checks {
        void run() throws IOException;
    }

    /** Reports an error, which would end a run, as a problem and continues with the other checks. */
    private void attempt(Checks checks) {
        try {
            checks.run();
        } catch (IOException | RuntimeException e) {
            ExitCode.message(e).lines().map(Finding::problem).forEach(findings);
        }
    }
}
