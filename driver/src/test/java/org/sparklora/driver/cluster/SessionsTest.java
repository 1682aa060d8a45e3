package org.sparklora.driver.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.cluster.data.SourceReader;
import org.sparklora.driver.job.config.SourceConfig;
import org.sparklora.driver.job.config.Task;
import org.sparklora.driver.run.loop.ClusterException;

class SessionsTest {

    private static final String PARTITIONS = "spark.sql.shuffle.partitions";
    private static final String CHECK_INTERVAL = "spark.scheduler.barrier.maxConcurrentTasksCheck.interval";

    private Properties before = new Properties();

    @BeforeEach
    void clearSettings() {
        before = (Properties) System.getProperties().clone();
        System.getProperties().keySet().removeIf(key -> key.toString().startsWith("spark."));
    }

    @AfterEach
    void restoreSettings() {
        System.setProperties(before);
    }

    /** As spark-submit passes a setting on. */
    private static void set(String key, String value) {
        System.setProperty(key, value);
    }

    @Test
    void stagesThatReadRowsHaveFewTasks() throws Exception {
        set("spark.master", "local[2]");
        set("spark.ui.enabled", "false");
        try (SparkSession session = Sessions.open("few")) {
            assertThat(session.conf().get(PARTITIONS))
                    .isEqualTo(String.valueOf(Math.max(8, Runtime.getRuntime().availableProcessors())));
        }
    }

    @Test
    void labelsInNamesOfFoldersStayAsTheyAre(@TempDir Path folder) throws Exception {
        set("spark.master", "local[2]");
        set("spark.ui.enabled", "false");
        for (String label : List.of("01", "1e2")) {
            Path part = Files.createDirectories(folder.resolve("rows/label=" + label));
            Files.writeString(part.resolve("part.csv"), "text\nfine\n");
        }
        SourceConfig source = new SourceConfig(
                folder.resolve("rows").toString(),
                Optional.of("csv"),
                "text",
                Optional.empty(),
                "label",
                Optional.empty(),
                new TreeMap<>());
        try (SparkSession session = Sessions.open("folders")) {
            assertThat(SourceReader.read(session, source, Task.CLASSIFICATION)
                            .select(SourceReader.LABEL)
                            .collectAsList())
                    .extracting(row -> row.getString(0))
                    .containsExactlyInAnyOrder("01", "1e2");
            // A file with such a column cannot be written here: FieldDataTest reads some.
            assertThat(session.conf().get("spark.sql.legacy.parquet.nanosAsLong"))
                    .isEqualTo("true");
        }
    }

    @Test
    void thePluginOfLiveStepsComesBehindTheUsersOwn() {
        String ours = ProgressPlugin.class.getName();
        assertThat(Sessions.withProgressPlugin("")).isEqualTo(ours);
        assertThat(Sessions.withProgressPlugin("a.B, c.D")).isEqualTo("a.B,c.D," + ours);
        assertThat(Sessions.withProgressPlugin(ours + ",a.B")).isEqualTo(ours + ",a.B");
    }

    @Test
    void theUsersSettingsStand() throws Exception {
        set("spark.master", "local[2]");
        set("spark.ui.enabled", "false");
        set(PARTITIONS, "31");
        set(CHECK_INTERVAL, "7s");
        try (SparkSession session = Sessions.open("own")) {
            assertThat(session.conf().get(PARTITIONS)).isEqualTo("31");
            assertThat(session.conf().get(CHECK_INTERVAL)).isEqualTo("7s");
        }
    }

    @Test
    void settingsThatSparkRefusesAreTheUsersToCorrect() {
        set("spark.master", "local[2]");
        set("spark.testing.memory", "1000");
        assertThatThrownBy(() -> Sessions.open("small"))
                .isInstanceOf(SparkSettingsException.class)
                .hasMessageContainingAll("System memory 1000", "[settings.spark]");
    }

    @Test
    void aMasterThatIsNoneTakesNoApplication() {
        set("spark.master", "none");
        assertThatThrownBy(() -> Sessions.open("none"))
                .isInstanceOf(ClusterException.class)
                .hasMessageContainingAll("no application on none", "'none'", "[cluster.unreachable]");
    }

    @Test
    void aContextThatStopsWhileItStartsWasNotTaken() {
        set("spark.master", "local[2]");
        set("spark.ui.enabled", "false");
        SparkContext context = new SparkContext(new SparkConf().setAppName("brief"));
        context.stop();
        assertThatThrownBy(context::defaultParallelism)
                .isInstanceOfSatisfying(
                        IllegalStateException.class,
                        e -> assertThat(Sessions.isOfAStoppedContext(e)).isTrue());
        assertThat(Sessions.isOfAStoppedContext(new IllegalStateException("Library directory does not exist")))
                .isFalse();
    }
}
