package org.sparklora.driver.cluster;

import java.util.Arrays;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.spark.SparkConf;
import org.apache.spark.sql.SparkSession;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.cluster.data.SourcePaths;
import org.sparklora.driver.run.loop.ClusterException;

/** Creates a command's Spark session from spark-submit's settings, with the settings that spark-lora needs. */
public final class Sessions {

    static final String SYNC_TIMEOUT = "spark.barrier.sync.timeout";

    private static final String PLUGINS = "spark.plugins";

    private static final int MIN_PARTITIONS = 8;

    /** Prefix of the id of an application that no standalone master has registered. */
    private static final String UNREGISTERED = "spark-application-";

    /** Part of Spark's message about executors with fewer cores than a task needs. */
    private static final String CPUS = "cpus per task";

    private static final String NOT_REGISTERED = "the master did not register it";

    private Sessions() {}

    /** Opens the session; the caller closes it. */
    public static SparkSession open(String name) {
        SparkConf conf = new SparkConf();
        refuseConnect(conf);
        String master = conf.get("spark.master", "without a master");
        // Two progress bars on one terminal would overwrite each other.
        conf.set("spark.ui.showConsoleProgress", "false");
        // Ranks register once they have their rows, which Spark may have to recompute. Spark's default is a year.
        conf.setIfMissing(SYNC_TIMEOUT, "1h");
        // After a failure, ranks wait for slots in this interval. Spark's default, 15 s, would slow down a restart.
        conf.setIfMissing("spark.scheduler.barrier.maxConcurrentTasksCheck.interval", "1s");
        // Labels in the names of folders stay what they are called: label=01 is not 1.
        conf.setIfMissing("spark.sql.sources.partitionColumnTypeInference.enabled", "false");
        // A column of nanoseconds, which pandas writes, must not make a file unreadable that is needed for other
        // columns.
        conf.setIfMissing("spark.sql.legacy.parquet.nanosAsLong", "true");
        // Spark 4 reads seven encodings, and windows-1252 is none of them, unless told to take all that Java knows.
        conf.setIfMissing("spark.sql.legacy.javaCharsets", "true");
        // Spark's default: its newer file sources do not tell the file and row of a row.
        conf.set("spark.sql.sources.useV1SourceList", "avro,csv,json,kafka,orc,parquet,text");
        if (SourcePaths.isLocal(master)) {
            // Spark's default, 200, would make thousands of tasks for a small file. One machine reads no large ones.
            int cores = Runtime.getRuntime().availableProcessors();
            conf.setIfMissing("spark.sql.shuffle.partitions", String.valueOf(Math.max(MIN_PARTITIONS, cores)));
        }
        // Spark reads this setting only when it creates the context.
        conf.set(PLUGINS, withProgressPlugin(conf.get(PLUGINS, "")));
        SparkSession session;
        try {
            session = SparkSession.builder().config(conf).appName(name).getOrCreate();
        } catch (Exception e) {
            // Exception: Spark throws checked exceptions that no signature declares.
            String summary = Failures.summary(e).replace(CPUS, CPUS + " (spark.task.cpus)");
            if (e instanceof IllegalArgumentException || summary.contains(CPUS)) {
                // Scala's require adds this prefix.
                String why = summary.replaceFirst("^requirement failed: ", "");
                throw new SparkSettingsException("settings.spark", "Spark rejects its settings: " + why, e);
            }
            throw noApplication(master, isOfAStoppedContext(e) ? NOT_REGISTERED : summary, e);
        }
        if (session.sparkContext().applicationId().startsWith(UNREGISTERED)) {
            // Spark gave up after three tries, 20 s apart, and is stopping the context, so there is nothing to close.
            throw noApplication(master, NOT_REGISTERED, null);
        }
        return session;
    }

    /** Spark Connect's client, of Spark 3.5 by {@code spark.remote} and of Spark 4 also by its mode, has no context of its own. */
    private static void refuseConnect(SparkConf conf) {
        boolean remote = conf.contains("spark.remote");
        if (remote || conf.get("spark.api.mode", "classic").equalsIgnoreCase("connect")) {
            throw new SparkSettingsException(
                    "settings.spark",
                    (remote ? "spark.remote" : "spark.api.mode=connect")
                            + " asks for Spark Connect, whose clients cannot run tasks of their own; leave it out, and submit"
                            + " to the cluster itself with --master",
                    null);
        }
    }

    /** Appends {@link ProgressPlugin} to a list of plugins. */
    static String withProgressPlugin(String plugins) {
        return Stream.concat(Arrays.stream(plugins.split(",")), Stream.of(ProgressPlugin.class.getName()))
                .map(String::trim)
                .filter(name -> !name.isEmpty())
                .distinct()
                .collect(Collectors.joining(","));
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
