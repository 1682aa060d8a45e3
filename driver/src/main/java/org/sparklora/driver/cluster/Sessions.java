package org.sparklora.driver.cluster;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.SparkConf;
import org.apache.spark.sql.SparkSession;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.run.loop.ClusterException;

/** Creates a command's Spark session from spark-submit's settings, with the settings that spark-lora needs. */
public final class Sessions {

    private static final String CHECK_INTERVAL = "spark.scheduler.barrier.maxConcurrentTasksCheck.interval";
    static final String SYNC_TIMEOUT = "spark.barrier.sync.timeout";

    private static final String SERIALIZER = "spark.serializer";

    private static final String PARTITIONS = "spark.sql.shuffle.partitions";

    private static final String PLUGINS = "spark.plugins";

    private static final int MIN_PARTITIONS = 8;

    /** Prefix of the id of an application that no standalone master has registered. */
    private static final String UNREGISTERED = "spark-application-";

    private static final String NOT_REGISTERED = "the master did not register it";

    private Sessions() {}

    /** Opens the session; the caller closes it. */
    public static SparkSession open(String name) {
        SparkConf conf = new SparkConf();
        SparkSession.Builder builder = SparkSession.builder()
                .appName(name)
                // Tasks and broadcasts contain records, which Kryo cannot deserialize.
                .config(SERIALIZER, "org.apache.spark.serializer.JavaSerializer")
                // Two progress bars on one terminal would overwrite each other.
                .config("spark.ui.showConsoleProgress", "false");
        if (!conf.contains(SYNC_TIMEOUT)) {
            // Ranks register once they have their rows, which Spark may have to recompute. Spark's default is a year.
            builder.config(SYNC_TIMEOUT, "1h");
        }
        if (!conf.contains(CHECK_INTERVAL)) {
            // After a failure, ranks wait for slots in this interval. Spark's default, 15 s, would slow down a restart.
            builder.config(CHECK_INTERVAL, "1s");
        }
        String master = conf.get("spark.master", "without a master");
        if (!conf.contains(PARTITIONS) && isLocal(master)) {
            // Spark's default, 200, would make thousands of tasks for a small file. One machine reads no large ones.
            int cores = Runtime.getRuntime().availableProcessors();
            builder.config(PARTITIONS, String.valueOf(Math.max(MIN_PARTITIONS, cores)));
        }
        // Spark reads this setting only when it creates the context.
        builder.config(PLUGINS, withProgressPlugin(conf.get(PLUGINS, "")));
        SparkSession session;
        try {
            session = builder.getOrCreate();
        } catch (IllegalArgumentException e) {
            // Scala's require adds this prefix.
            String why = Failures.summary(e).replaceFirst("^requirement failed: ", "");
            throw new SparkSettingsException("settings.spark", "Spark rejects its settings: " + why, e);
        } catch (Exception e) {
            // Exception: Spark throws checked exceptions that no signature declares.
            throw noApplication(master, isOfAStoppedContext(e) ? NOT_REGISTERED : Failures.summary(e), e);
        }
        if (session.sparkContext().applicationId().startsWith(UNREGISTERED)) {
            // Spark gave up after three tries, 20 s apart, and is stopping the context, so there is nothing to close.
            throw noApplication(master, NOT_REGISTERED, null);
        }
        return session;
    }

    /** Appends {@link ProgressPlugin} to a list of plugins. */
    static String withProgressPlugin(String plugins) {
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

    /** Rejects a session that uses Kryo, which cannot deserialize the records in tasks and broadcasts. */
    public static void requireJavaSerializer(SparkSession session) {
        if (session.sparkContext().conf().get(SERIALIZER, "").endsWith("KryoSerializer")) {
            throw new SparkSettingsException(
                    "settings.serializer",
                    "the session has " + SERIALIZER
                            + " KryoSerializer, which cannot deserialize Java records; remove the"
                            + " setting, or set org.apache.spark.serializer.JavaSerializer",
                    null);
        }
    }

    /** Whether everything runs in this JVM. */
    static boolean isLocal(String master) {
        return master.equals("local") || master.startsWith("local[");
    }

    /**
     * Whether Spark gave up on the master and stopped the context before the session was created from it. It may also do so
     * afterwards.
     */
    static boolean isOfAStoppedContext(Exception failure) {
        return failure instanceof IllegalStateException
                && String.valueOf(failure.getMessage()).contains("stopped");
    }

    private static ClusterException noApplication(String master, String why, @Nullable Exception cause) {
        return new ClusterException(
                "cluster.unreachable",
                "no application on " + master + ": " + why
                        + ". Check that the cluster runs and has free resources. If it"
                        + " uses spark.authenticate, check that the secret is the same",
                cause);
    }
}
