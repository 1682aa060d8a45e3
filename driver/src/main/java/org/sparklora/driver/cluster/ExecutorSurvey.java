package org.sparklora.driver.cluster;

import java.time.Clock;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.IntSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaFutureAction;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.rdd.RDD;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorAdded;
import org.sparklora.driver.run.loop.ClusterException;
import org.sparklora.worker.contract.ClockReading;
import org.sparklora.worker.contract.HostReport;
import org.sparklora.worker.contract.ModelSource;
import org.sparklora.worker.spark.ClockTask;
import org.sparklora.worker.spark.ExamineTask;
import scala.Function1;
import scala.collection.Iterator;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;

/**
 * Asks every executor what it runs on, by two small jobs of a task for each slot. Where executors stay they are barrier
 * stages, whose tasks run all at once: so none is left out, and that such stages run here has been seen.
 */
public final class ExecutorSurvey {

    /** Unpacking PyTorch's natives for the first time takes half a minute on a slow disk. */
    private static final Duration LONGEST_JOB = Duration.ofMinutes(5);

    /** Executors that come and go, come for tasks that wait; this many ask for a few, and are done at once by one. */
    private static final int TASKS_THAT_CALL = 8;

    private static final Pattern LOCAL_CLUSTER = Pattern.compile("local-cluster\\[\\s*(\\d+)\\s*,.*");

    private final JavaSparkContext spark;
    private final Clock clock;

    public ExecutorSurvey(JavaSparkContext spark, Clock clock) {
        this.spark = spark;
        this.clock = clock;
    }

    /**
     * What the executors said.
     *
     * @param slots tasks that run at once
     * @param hosts one for each executor that answered, in the order of their ids
     */
    public record Answer(int slots, List<HostReport> hosts, Clocks clocks) {

        public Answer {
            hosts = List.copyOf(hosts);
        }
    }

    /**
     * Clocks read between two readings of the driver's own.
     *
     * @param before the driver's clock before the first was read, in milliseconds since the epoch
     * @param after the driver's clock after the last was read
     */
    public record Clocks(long before, long after, List<ClockReading> readings) {

        public Clocks {
            readings = List.copyOf(readings);
        }
    }

    /** How many executors the settings ask for; empty where that is the cluster's choice. */
    public static OptionalInt expected(SparkConf conf) {
        String master = conf.get("spark.master", "local[*]");
        Matcher cluster = LOCAL_CLUSTER.matcher(master);
        if (Sessions.isLocal(master)) {
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
            int most = conf.getInt("spark.cores.max", 0);
            return cores > 0 && most > 0 ? OptionalInt.of(Math.max(1, most / cores)) : OptionalInt.empty();
        }
        return OptionalInt.of(conf.getInt("spark.executor.instances", 2));
    }

    /**
     * Asks.
     *
     * @param models base models that every executor tells the files of
     * @throws ClusterException where no executor comes or answers in time, or none can
     */
    public Answer ask(List<ModelSource> models) {
        boolean dynamic = TaskSlots.areDynamic(spark.getConf());
        if (!dynamic) {
            waitForExecutors();
        }
        int before = TaskSlots.available(spark);
        if (!dynamic && before == 0) {
            throw new ClusterException(
                    "no executor came: the cluster has no room for one of spark.executor.memory "
                            + spark.getConf().get("spark.executor.memory", "1g")
                            + ", or its workers are not there; ask for less, or look at the cluster's page",
                    null);
        }
        List<HostReport> hosts = run(
                        dynamic ? Math.max(before, TASKS_THAT_CALL) : before, new ExamineTask(models), HostReport.class)
                .stream()
                .collect(Collectors.toMap(HostReport::executor, r -> r, (a, b) -> a))
                .values()
                .stream()
                .sorted(Comparator.comparing(HostReport::executor))
                .toList();
        int slots = Math.max(1, dynamic ? TaskSlots.available(spark) : before);
        // By now executors have loaded everything, so the second job is short, and the clocks are known closely.
        long began = clock.millis();
        List<ClockReading> readings = run(slots, new ClockTask(), ClockReading.class);
        return new Answer(slots, hosts, new Clocks(began, clock.millis(), readings));
    }

    private void waitForExecutors() {
        if (Sessions.isLocal(spark.master())) {
            return;
        }
        Arrivals arrivals = new Arrivals();
        spark.sc().addSparkListener(arrivals);
        try {
            Duration limit = Duration.ofSeconds(
                    spark.getConf().getTimeAsSeconds("spark.scheduler.maxRegisteredResourcesWaitingTime", "60s"));
            arrivals.await(
                    () -> spark.sc().getExecutorIds().size(),
                    expected(spark.getConf()).orElse(1),
                    limit);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            spark.sc().removeSparkListener(arrivals);
        }
    }

    private <T> List<T> run(int tasks, Function1<Iterator<Integer>, Iterator<T>> task, Class<T> type) {
        spark.sc().setJobDescription("doctor asks every executor");
        RDD<Integer> partitions = spark.parallelize(
                        Stream.iterate(0, i -> i + 1).limit(tasks).toList(), tasks)
                .rdd();
        ClassTag<T> tag = ClassTag$.MODULE$.apply(type);
        RDD<T> asked = TaskSlots.areDynamic(spark.getConf())
                ? partitions.mapPartitions(task, false, tag)
                : partitions.barrier().mapPartitions(task, false, tag);
        JavaFutureAction<List<T>> answers = JavaRDD.fromRDD(asked, tag).collectAsync();
        try {
            return answers.get(LONGEST_JOB.toSeconds(), TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            answers.cancel(true);
            throw new ClusterException(
                    "the executors did not answer within " + LONGEST_JOB.toMinutes()
                            + " minutes; look at the cluster's page and their logs",
                    e);
        } catch (ExecutionException e) {
            throw refused(e);
        } catch (InterruptedException e) {
            answers.cancel(true);
            Thread.currentThread().interrupt();
            throw new ClusterException("interrupted while the executors were asked", e);
        }
    }

    /** What a failed job says of the executors. */
    static ClusterException refused(Throwable failure) {
        for (Throwable t = failure; t != null; t = t.getCause()) {
            if (String.valueOf(t.getMessage()).contains("UnsupportedClassVersionError")) {
                return new ClusterException(
                        "the executors run a Java older than 17; set spark.executorEnv.JAVA_HOME to a Java 17 that is on every"
                                + " node, or where there is none start the cluster with one",
                        failure);
            }
        }
        return new ClusterException(
                "the executors cannot answer: " + Failures.summary(failure) + "; their logs say more", failure);
    }

    /** Wakes who waits when an executor registers. */
    static final class Arrivals extends SparkListener {

        /** Executors that came before the listener was there are seen at the latest then. */
        private static final long LOOK_AGAIN_MS = 500;

        @Override
        public synchronized void onExecutorAdded(SparkListenerExecutorAdded event) {
            notifyAll();
        }

        /** Returns when so many are registered, or when the time is up. */
        synchronized void await(IntSupplier registered, int wanted, Duration limit) throws InterruptedException {
            long end = System.nanoTime() + limit.toNanos();
            while (registered.getAsInt() < wanted) {
                long left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
                if (left <= 0) {
                    return;
                }
                wait(Math.min(left, LOOK_AGAIN_MS));
            }
        }
    }
}
