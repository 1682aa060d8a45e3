package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.spark.SparkConf;
import org.apache.spark.internal.config.ConfigEntry;
import org.apache.spark.internal.config.ConfigEntry$;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The settings files of conf/: each setting says why it is there, and Spark knows it. */
class ClusterSettingsTest {

    private static final Path CONF = TrainingJob.ROOT.resolve("conf");

    /** Objects that register settings when they are loaded. */
    private static final List<String> REGISTRIES = List.of(
            "org.apache.spark.internal.config.package$",
            "org.apache.spark.internal.config.Network$",
            "org.apache.spark.internal.config.UI$",
            "org.apache.spark.sql.internal.SQLConf$",
            "org.apache.spark.deploy.yarn.config.package$");

    /** Settings that Spark reads by name or by prefix, without an entry of its registry. */
    private static final List<Pattern> BY_NAME = List.of(
            // SparkSubmitArguments
            Pattern.compile("spark\\.master"),
            // SparkContext.executorEnvs
            Pattern.compile("spark\\.executorEnv\\.[A-Z_]+"),
            // yarn.Client.setupLaunchEnv
            Pattern.compile("spark\\.yarn\\.appMasterEnv\\.[A-Z_]+"),
            // k8s.Constants and Config: KUBERNETES_DRIVER_ENV_PREFIX; its registry is not on our class path
            Pattern.compile("spark\\.kubernetes\\.driverEnv\\.[A-Z_]+"),
            Pattern.compile("spark\\.kubernetes\\.container\\.image"),
            Pattern.compile("spark\\.kubernetes\\.namespace"),
            Pattern.compile("spark\\.kubernetes\\.authenticate\\.driver\\.serviceAccountName"));

    static Stream<Path> files() throws IOException {
        try (Stream<Path> files = Files.list(CONF)) {
            return files
                    .filter(file -> file.getFileName().toString().matches("spark-.*\\.conf"))
                    .sorted()
                    .toList()
                    .stream();
        }
    }

    @Test
    void thereIsOneForEachKindOfCluster() throws IOException {
        assertThat(files().map(file -> file.getFileName().toString()))
                .containsExactly(
                        "spark-dataproc.conf", "spark-emr.conf", "spark-kubernetes.conf", "spark-standalone.conf");
    }

    @ParameterizedTest
    @MethodSource("files")
    void everySettingSaysWhyItIsThere(Path file) throws IOException {
        String before = "";
        Set<String> keys = new TreeSet<>();
        for (String line : Files.readAllLines(file)) {
            if (!line.isEmpty() && !line.startsWith("#")) {
                assertThat(before).as("the line before %s in %s", line, file).startsWith("# ");
                assertThat(line)
                        .as("a line of %s, which scripts read as well", file)
                        .matches("spark\\.[A-Za-z0-9_.]+=\\S+");
                assertThat(keys.add(line.substring(0, line.indexOf('='))))
                        .as("%s stands there once", line)
                        .isTrue();
            }
            before = line;
        }
        assertThat(keys).contains("spark.dynamicAllocation.enabled", "spark.executor.cores", "spark.executor.memory");
    }

    @ParameterizedTest
    @MethodSource("files")
    void sparkKnowsEverySettingAndTakesItsValue(Path file) throws Exception {
        for (String registry : REGISTRIES) {
            Class.forName(registry);
        }
        SparkConf conf = new SparkConf(false);
        Properties settings = settings(file);
        for (String key : settings.stringPropertyNames()) {
            conf.set(key, settings.getProperty(key));
            if (BY_NAME.stream().noneMatch(name -> name.matcher(key).matches())) {
                ConfigEntry<?> entry = ConfigEntry$.MODULE$.findEntry(key);
                assertThat(entry).as("Spark's entry for %s of %s", key, file).isNotNull();
                assertThatCode(() -> conf.get(entry)).as("%s of %s", key, file).doesNotThrowAnyException();
            }
        }
    }

    /** Read as spark-submit reads a properties file. */
    private static Properties settings(Path file) throws IOException {
        Properties settings = new Properties();
        try (Reader in = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
            settings.load(in);
        }
        return settings;
    }

    /** The image has no build here; what can be held is that it takes what the package has, on the Spark that we compile against. */
    @Test
    void theImageTakesWhatThePackageHas() throws IOException {
        String dockerfile = Files.readString(CONF.resolve("kubernetes/Dockerfile"));
        String binary = scala.util.Properties.versionNumberString().replaceFirst("\\.\\d+$", "");
        assertThat(dockerfile)
                .contains("\nFROM apache/spark:${SPARK}\n")
                .contains((binary.equals("2.12") ? "\nARG SPARK=" : " --build-arg SPARK=")
                        + org.apache.spark.package$.MODULE$.SPARK_VERSION() + "-scala" + binary + "-java17-ubuntu\n");
        String script = Files.readString(Path.of(Script.of("package")));
        List<String> copied = new ArrayList<>();
        Matcher copy = Pattern.compile("\\nCOPY --chown=root:root (.*) /opt/spark-lora\\S*")
                .matcher(dockerfile);
        while (copy.find()) {
            copied.addAll(List.of(copy.group(1).split(" ")));
        }
        assertThat(copied).contains("spark-lora.jar", "natives", "conf", "submit");
        assertThat(copied).allMatch(script::contains);
    }
}
