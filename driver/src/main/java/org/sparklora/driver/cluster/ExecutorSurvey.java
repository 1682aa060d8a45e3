package org.sparklora.driver.cluster;

import java.time.Clock;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalInt;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.rdd.RDD;
import org.sparklora.driver.cluster.data.SourcePaths;
import org.sparklora.driver.run.loop.ClusterException;
import org.sparklora.worker.contract.ClockReading;
import org.sparklora.worker.contract.HostReport;
import org.sparklora.worker.contract.ModelSource;
import org.sparklora.worker.machine.Machine;
import org.sparklora.worker.spark.ClockTask;
import org.sparklora.worker.spark.ExamineTask;
import org.sparklora.worker.spark.JavaSerialized;
import scala.Function1;
import scala.collection.Iterator;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;

/**
 * Asks every executor about its host, with two small jobs that have a task for each slot. Without dynamic allocation, the jobs
 * are barrier stages: all tasks run at once, so no executor is left out, and the survey proves that barrier stages work.
 */
public final class ExecutorSurvey {

    /** On a slow disk, unpacking PyTorch's natives takes half a minute. */
    private static final Duration MAX_JOB = Duration.ofMinutes(5);

    /** Dynamic allocation adds executors for waiting tasks. This many tasks request some, and one executor can run them. */
    private static final int DYNAMIC_TASKS = 8;

    private static final long POLL_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private static final Pattern LOCAL_CLUSTER = Pattern.compile("local-cluster\\[\\s*(\\d+)\\s*,.*");

    private final JavaSparkContext spark;
    private final Clock clock;

    public ExecutorSurvey(JavaSparkContext spark, Clock clock) {
        this.spark = spark;
        this.clock = clock;
    }

    /**
     * The answers of the executors.
     *
     * @param slots number of tasks that run at once
     * @param hosts one report for each executor that answered, ordered by executor id
     */
    public record Answer(int slots, List<HostReport> hosts, Clocks clocks) {}

    /**
     * The executors' clocks, read between two readings of the driver's clock.
     *
     * @param before the driver's clock before the first reading, in milliseconds since the epoch
     * @param after the driver's clock after the last reading
     */
    public record Clocks(long before, long after, List<ClockReading> readings) {}

    /** Number of executors that the settings ask for; empty if the cluster decides. */
    public static OptionalInt expected(SparkConf conf) {
        String master = conf.get("spark.master", "local[*]");
        Matcher cluster = LOCAL_CLUSTER.matcher(master);
        if (SourcePaths.isLocal(master)) {
            return OptionalInt.of(1);
        }
        if (TaskSlots.areDynamic(conf)) {
            return OptionalInt.empty();
        }
        if (cluster.matches()) {
            return OptionalInt.of(Integer.parseInt(cluster.group(1)));
        }
        if (master.startsWith("spark://")) {
            int cores = conf.getInt("spark.executor.cores", 0);
            int maxCores = conf.getInt("spark.cores.max", 0);
            return cores > 0 && maxCores > 0 ? OptionalInt.of(Math.max(1, maxCores / cores)) : OptionalInt.empty();
        }
        return OptionalInt.of(conf.getInt("spark.executor.instances", 2));
    }

    /** The instructions of an executor's processor. Each executor compares its own before it computes. */
    public static String instructions(JavaSparkContext spark) {
        return spark.isLocal()
                ? Machine.instructions()
                : spark.parallelize(List.of(0), 1)
                        .map(any -> Machine.instructions())
                        .first();
    }

    /**
     * Runs the survey.
     *
     * @param models base models whose files every executor lists
     * @throws ClusterException if no executor registers, or executors do not answer in time
     */
    public Answer ask(List<ModelSource> models) {
        boolean dynamic = TaskSlots.areDynamic(spark.getConf());
        if (!dynamic) {
            waitForExecutors();
        }
        int before = TaskSlots.available(spark);
        if (!dynamic && before == 0) {
            throw new ClusterException(
                    "cluster.executors",
                    "no executor registered: the cluster has no free resources for spark.executor.memory "
                            + spark.getConf().get("spark.executor.memory", "1g")
                            + ", or no workers; request less, or check the cluster's web page",
                    null);
        }
        List<HostReport> hosts = run(
                        dynamic ? Math.max(before, DYNAMIC_TASKS) : before, new ExamineTask(models), HostReport.class)
                .stream()
                .collect(Collectors.toMap(HostReport::executor, r -> r, (a, b) -> a))
                .values()
                .stream()
                .sorted(Comparator.comparing(HostReport::executor))
                .toList();
        int slots = Math.max(1, dynamic ? TaskSlots.available(spark) : before);
        // Executors have loaded all classes now, so this job is short and the clock readings are accurate.
        long began = clock.millis();
        List<ClockReading> readings = run(slots, new ClockTask(), ClockReading.class);
        return new Answer(slots, hosts, new Clocks(began, clock.millis(), readings));
    }

    private void waitForExecutors() {
        if (!spark.isLocal()) {
            int wanted = expected(spark.getConf()).orElse(1);
            long seconds = spark.getConf().getTimeAsSeconds("spark.scheduler.maxRegisteredResourcesWaitingTime", "60s");
            await(() -> spark.sc().getExecutorIds().size() >= wanted, Duration.ofSeconds(seconds));
        }
    }

    /** Returns once a condition holds, after the time limit, or when the thread is interrupted. */
    static void await(BooleanSupplier condition, Duration limit) {
        long end = System.nanoTime() + limit.toNanos();
        while (!condition.getAsBoolean()
                && System.nanoTime() < end
                && !Thread.currentThread().isInterrupted()) {
            LockSupport.parkNanos(POLL_NANOS);
        }
    }

    private <T> List<T> run(int tasks, Function1<Iterator<Integer>, Iterator<T>> task, Class<T> type) {
        String group = "spark-lora doctor " + UUID.randomUUID();
        spark.sc().setJobGroup(group, "doctor surveys the executors", false);
        RDD<Integer> partitions = spark.parallelize(
                        Stream.iterate(0, i -> i + 1).limit(tasks).toList(), tasks)
                .rdd();
        ClassTag<T> tag = ClassTag$.MODULE$.apply(type);
        RDD<T> asked = TaskSlots.areDynamic(spark.getConf())
                ? partitions.mapPartitions(task, false, tag)
                : partitions.barrier().mapPartitions(task, false, tag);
        TaskFailures failures = TaskFailures.watch(spark.sc());
        failures.begin(group);
        var answers = JavaRDD.fromRDD(asked, tag).map(JavaSerialized::of).collectAsync();
        try {
            return JavaSerialized.values(answers.get(MAX_JOB.toSeconds(), TimeUnit.SECONDS));
        } catch (TimeoutException e) {
            answers.cancel(true);
            throw new ClusterException(
                    "cluster.executors",
                    "the executors did not answer within " + MAX_JOB.toMinutes()
                            + " minutes; check the cluster's web page and their logs",
                    e);
        } catch (ExecutionException e) {
            throw failed(failures.causeOf(e));
        } catch (InterruptedException e) {
            answers.cancel(true);
            Thread.currentThread().interrupt();
            throw new ClusterException("cluster.executors", "interrupted while executors were surveyed", e);
        } finally {
            failures.close();
        }
    }

    /** Explains why the survey's job failed. */
    static ClusterException failed(Throwable failure) {
        if (Failures.hasType(failure, UnsupportedClassVersionError.class.getName())) {
            return new ClusterException(
                    "cluster.java",
                    "the executors run a Java version older than 17; set spark.executorEnv.JAVA_HOME to a Java 17 on"
                            + " every node, or start the cluster with Java 17",
                    failure);
        }
        return new ClusterException(
                "cluster.executors",
                "the executors cannot answer: " + Failures.summary(failure) + "; check their logs",
                failure);
    }
}
