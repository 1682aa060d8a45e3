package org.sparklora.driver.cluster;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.SparkConf;
import org.apache.spark.sql.SparkSession;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.run.loop.ClusterException;

/** Where a command's Spark session comes from: what spark-submit configured, with what spark-lora relies on. */
public final class Sessions {

    private static final String CHECK_INTERVAL = "spark.scheduler.barrier.maxConcurrentTasksCheck.interval";
    static final String SYNC_TIMEOUT = "spark.barrier.sync.timeout";

    private static final String SERIALIZER = "spark.serializer";

    private static final String PARTITIONS = "spark.sql.shuffle.partitions";

    private static final String PLUGINS = "spark.plugins";

    private static final int LEAST_PARTITIONS = 8;

    /** How Spark begins the name of an application that no standalone master knows. */
    private static final String UNREGISTERED = "spark-application-";

    private static final String NOT_TAKEN = "the master did not take it";

    private Sessions() {}

    /** Opens the session; the caller closes it. */
    public static SparkSession open(String name) {
        SparkConf conf = new SparkConf();
        SparkSession.Builder builder = SparkSession.builder()
                .appName(name)
                // Tasks and broadcasts are records, which Kryo cannot read back.
                .config(SERIALIZER, "org.apache.spark.serializer.JavaSerializer")
                // Progress is ours; two bars on one terminal are none.
                .config("spark.ui.showConsoleProgress", "false");
        if (!conf.contains(SYNC_TIMEOUT)) {
            // Ranks meet once they have their rows, which may have to be read again. Spark's own limit is a year.
            builder.config(SYNC_TIMEOUT, "1h");
        }
        if (!conf.contains(CHECK_INTERVAL)) {
            // After a failure ranks wait for slots by this interval; Spark's own 15 s would be most of a restart.
            builder.config(CHECK_INTERVAL, "1s");
        }
        String master = conf.get("spark.master", "without a master");
        if (!conf.contains(PARTITIONS) && isLocal(master)) {
            // Spark's 200 make thousands of tasks of reading a small file, and no large one is read on one machine.
            int cores = Runtime.getRuntime().availableProcessors();
            builder.config(PARTITIONS, String.valueOf(Math.max(LEAST_PARTITIONS, cores)));
        }
        // Counts only if it is there before the context is.
        builder.config(PLUGINS, withOurs(conf.get(PLUGINS, "")));
        SparkSession session;
        try {
            session = builder.getOrCreate();
        } catch (IllegalArgumentException e) {
            // Scala's require puts a prefix that says nothing.
            String why = Failures.summary(e).replaceFirst("^requirement failed: ", "");
            throw new SparkSettingsException("Spark refuses its settings: " + why, e);
        } catch (Exception e) {
            // Exception, because Spark throws checked ones that no signature names.
            throw refused(master, isOfAStoppedContext(e) ? NOT_TAKEN : Failures.summary(e), e);
        }
        if (session.sparkContext().applicationId().startsWith(UNREGISTERED)) {
            // Spark asked three times, 20 s apart, gave up, and is stopping the context: it needs no closing.
            throw refused(master, NOT_TAKEN, null);
        }
        return session;
    }

    /** A list of plugins with that of live steps, behind those that a user has. */
    static String withOurs(String plugins) {
        List<String> all = new ArrayList<>();
        Arrays.stream(plugins.split(","))
                .map(String::trim)
                .filter(name -> !name.isEmpty())
                .forEach(all::add);
        if (!all.contains(ProgressPlugin.class.getName())) {
            all.add(ProgressPlugin.class.getName());
        }
        return String.join(",", all);
    }

    /** Refuses a session of somebody else's that has Kryo, which cannot read the records back that tasks and broadcasts are. */
    public static void requireJavaSerializer(SparkSession session) {
        if (session.sparkContext().conf().get(SERIALIZER, "").endsWith("KryoSerializer")) {
            throw new SparkSettingsException(
                    "the session has " + SERIALIZER
                            + " KryoSerializer, which cannot read tasks and broadcasts back that are"
                            + " records; leave it out, or set org.apache.spark.serializer.JavaSerializer",
                    null);
        }
    }

    /** Whether everything runs in this JVM. */
    static boolean isLocal(String master) {
        return master.equals("local") || master.startsWith("local[");
    }

    /**
     * Whether Spark, having given up on the master, stopped its context before the session was made of it. Which of the
     * two comes first is chance.
     */
    static boolean isOfAStoppedContext(Exception failure) {
        return failure instanceof IllegalStateException
                && String.valueOf(failure.getMessage()).contains("stopped");
    }

    private static ClusterException refused(String master, String why, @Nullable Exception cause) {
        return new ClusterException(
                "no application on " + master + ": " + why + ". Check that the cluster runs there and has room, and"
                        + " where it has spark.authenticate on, that the secret is the same",
                cause);
    }
}
