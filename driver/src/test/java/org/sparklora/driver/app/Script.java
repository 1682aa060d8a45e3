package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/** Runs our scripts as a person would, with an environment of its own; what they print is kept in files of a folder. */
final class Script {

    /** After which a script is ended, and so has failed. */
    private static final int MINUTES = 8;

    /** Where the stand-ins of tools lie that are not here. */
    static final Path STAND_INS = root().resolve("driver/src/test/resources/cluster");

    private final Path folder;
    private final Map<String, String> environment = new TreeMap<>();

    /**
     * @param folder the working directory
     */
    Script(Path folder) {
        this.folder = folder;
        environment.put("SPARK_LOCAL_IP", "127.0.0.1");
        environment.put("LAID_OUT_SPARK", ClusterRun.SPARK.toString());
        environment.put("PATH", STAND_INS.resolve("bin") + ":" + System.getenv("PATH"));
    }

    private static Path root() {
        return TrainingJob.ROOT.toAbsolutePath().normalize();
    }

    /** A script of the project. */
    static String of(String name) {
        return root().resolve("scripts").resolve(name).toString();
    }

    /** Sets a variable for the scripts that follow. */
    Script with(String variable, String value) {
        environment.put(variable, value);
        return this;
    }

    /** Puts a folder of programs before all others. */
    Script withPrograms(Path programs) {
        environment.compute("PATH", (path, before) -> programs + ":" + before);
        return this;
    }

    /** Runs a command to its end. */
    TrainingJob.Ended run(List<String> command) throws Exception {
        Path out = Files.createTempFile(folder, "script", ".out");
        Path err = Files.createTempFile(folder, "script", ".err");
        ProcessBuilder builder = new ProcessBuilder(command).directory(folder.toFile());
        builder.environment().keySet().removeAll(List.of("SPARK_HOME", "HADOOP_CONF_DIR", "YARN_CONF_DIR"));
        builder.environment().putAll(environment);
        Process process = builder.redirectOutput(out.toFile())
                .redirectError(err.toFile())
                .redirectInput(Path.of("/dev/null").toFile())
                .start();
        try {
            assertThat(process.waitFor(MINUTES, TimeUnit.MINUTES))
                    .as("%s ends; so far: %s", command, Files.readString(err))
                    .isTrue();
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
        return new TrainingJob.Ended(
                process.exitValue(),
                Files.readString(out).strip(),
                Files.readString(err).strip());
    }

    TrainingJob.Ended run(String... command) throws Exception {
        return run(Arrays.asList(command));
    }

    /** Runs a command, which succeeds; gives what it printed on stdout. */
    String succeed(List<String> command) throws Exception {
        TrainingJob.Ended ended = run(command);
        assertThat(ended.code()).as("%s: %s", command, ended.err()).isZero();
        return ended.out();
    }

    String succeed(String... command) throws Exception {
        return succeed(new ArrayList<>(Arrays.asList(command)));
    }
}
