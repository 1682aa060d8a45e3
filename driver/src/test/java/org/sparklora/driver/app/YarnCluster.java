package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.OutputStream;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.yarn.conf.YarnConfiguration;
import org.apache.hadoop.yarn.server.MiniYARNCluster;

/**
 * YARN with one node manager in this JVM, whose containers are processes, and Spark's external shuffle service beside it, as
 * EMR and Dataproc have it. Containers and their logs lie in target/test/data. Closing ends all of it.
 */
final class YarnCluster implements AutoCloseable {

    private static final Duration UP = Duration.ofMinutes(5);

    /** By name, as YARN loads it: the build for Spark 4 has no YARN cluster. */
    private static final String SHUFFLE_SERVICE = "org.apache.spark.network.yarn.YarnShuffleService";

    private static final String SHUFFLE_PORT = "spark.shuffle.service.port";

    private static final Map<String, String> SETTINGS = Map.ofEntries(
            // The scheduler's own file is not in the jar.
            Map.entry("yarn.scheduler.capacity.root.queues", "default"),
            Map.entry("yarn.scheduler.capacity.root.default.capacity", "100"),
            Map.entry("yarn.scheduler.capacity.root.default.maximum-capacity", "100"),
            Map.entry("yarn.scheduler.capacity.root.default.state", "RUNNING"),
            Map.entry("yarn.scheduler.capacity.root.default.acl_submit_applications", "*"),
            Map.entry("yarn.scheduler.capacity.root.default.acl_administer_queue", "*"),
            Map.entry("yarn.scheduler.capacity.maximum-am-resource-percent", "0.5"),
            Map.entry("yarn.scheduler.minimum-allocation-mb", "128"),
            Map.entry("yarn.scheduler.maximum-allocation-mb", "4096"),
            Map.entry("yarn.nodemanager.resource.memory-mb", "6144"),
            Map.entry("yarn.minicluster.yarn.nodemanager.resource.memory-mb", "6144"),
            Map.entry("yarn.nodemanager.resource.cpu-vcores", "8"),
            Map.entry("yarn.nodemanager.vmem-check-enabled", "false"),
            Map.entry("yarn.nodemanager.pmem-check-enabled", "false"),
            // It declares a node unhealthy whose disk is nearly full.
            Map.entry("yarn.nodemanager.disk-health-checker.enable", "false"),
            Map.entry("yarn.resourcemanager.hostname", "127.0.0.1"),
            Map.entry("yarn.nodemanager.hostname", "127.0.0.1"),
            Map.entry("yarn.nodemanager.aux-services", "spark_shuffle"),
            Map.entry("yarn.nodemanager.aux-services.spark_shuffle.class", SHUFFLE_SERVICE),
            Map.entry(SHUFFLE_PORT, "0"));

    /** Held, for a logger that nobody holds forgets its level. */
    private static final Logger WEB_SERVICES = Logger.getLogger("org.apache.hadoop.shaded.com.sun.jersey");

    private final MiniYARNCluster cluster;

    /**
     * Returns when the node is connected.
     *
     * @param configuration empty folder, for HADOOP_CONF_DIR
     */
    YarnCluster(String name, Path configuration) throws Exception {
        YarnConfiguration settings = new YarnConfiguration();
        SETTINGS.forEach(settings::set);
        WEB_SERVICES.setLevel(Level.WARNING);
        cluster = new MiniYARNCluster(name, 1, 1, 1);
        try {
            cluster.init(settings);
            cluster.start();
            assertThat(cluster.waitForNodeManagersToConnect(UP.toMillis())).isTrue();
            Configuration running = cluster.getConfig();
            assertThat(running.get(YarnConfiguration.RM_ADDRESS)).doesNotEndWith(":0");
            running.set(SHUFFLE_PORT, String.valueOf(boundPort()));
            try (OutputStream out = Files.newOutputStream(configuration.resolve("yarn-site.xml"))) {
                running.writeXml(out);
            }
        } catch (Exception | AssertionError e) {
            cluster.close();
            throw e;
        }
    }

    /** The port that the shuffle service found; nothing public tells it. */
    private static int boundPort() throws ReflectiveOperationException {
        Field port = Class.forName(SHUFFLE_SERVICE).getDeclaredField("boundPort");
        port.setAccessible(true);
        return port.getInt(null);
    }

    @Override
    public void close() {
        cluster.stop();
    }
}
