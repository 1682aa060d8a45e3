package org.sparklora.driver.app;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Spark's own cluster manager: a master and workers of one core each, on free ports of this machine, as processes. Closing
 * ends them and their executors.
 */
final class StandaloneCluster implements AutoCloseable {

    /** Within which each process must be up. */
    private static final int MINUTES = 5;

    private static final Pattern STARTED = Pattern.compile("Starting Spark master at (spark://\\S+)");
    private static final Pattern REGISTERED = Pattern.compile("Successfully registered with master (spark://\\S+)");

    private final Path folder;
    private final Map<String, String> settings;
    private final List<Process> processes = new ArrayList<>();
    private final String master;

    /**
     * Returns when all workers are registered.
     *
     * @param folder where the workers keep what applications bring and write
     * @param settings spark.* of master and workers
     */
    StandaloneCluster(Path folder, int workers, Map<String, String> settings) throws Exception {
        this.folder = folder;
        this.settings = settings;
        try {
            master = start(STARTED, "org.apache.spark.deploy.master.Master", List.of())
                    .get(MINUTES, TimeUnit.MINUTES);
            List<CompletableFuture<String>> registered = new ArrayList<>();
            for (int w = 0; w < workers; w++) {
                registered.add(startWorker());
            }
            for (CompletableFuture<String> worker : registered) {
                worker.get(MINUTES, TimeUnit.MINUTES);
            }
        } catch (Exception e) {
            close();
            throw e;
        }
    }

    private CompletableFuture<String> start(Pattern awaited, String daemon, List<String> arguments) throws IOException {
        List<String> command =
                new ArrayList<>(List.of(ProcessHandle.current().info().command().orElse("java")));
        command.addAll(List.of(ClusterRun.FAST_START.split(" ")));
        command.addAll(List.of("-cp", ClusterRun.SPARK.resolve("jars/*").toString()));
        settings.forEach((key, value) -> command.add("-D" + key + "=" + value));
        command.addAll(List.of(daemon, "--host", "127.0.0.1", "--port", "0", "--webui-port", "0"));
        command.addAll(arguments);
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().put("SPARK_HOME", ClusterRun.SPARK.toString());
        builder.environment().put("SPARK_SCALA_VERSION", "2.12");
        Process process = builder.start();
        processes.add(process);
        return firstMatch(process, awaited);
    }

    /** Reads a process's log to its end, so that it never waits for a reader; gives what the first match captures. */
    private static CompletableFuture<String> firstMatch(Process process, Pattern awaited) {
        CompletableFuture<String> found = new CompletableFuture<>();
        Thread reader = new Thread(
                () -> {
                    StringBuilder log = new StringBuilder();
                    try (BufferedReader lines = process.inputReader()) {
                        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                            log.append(line).append('\n');
                            Matcher match = awaited.matcher(line);
                            if (match.find()) {
                                found.complete(match.group(1));
                            }
                        }
                    } catch (IOException e) {
                        found.completeExceptionally(e);
                    }
                    found.completeExceptionally(new IllegalStateException("the process ended, saying\n" + log));
                },
                "log of process " + process.pid());
        reader.setDaemon(true);
        reader.start();
        return found;
    }

    /** Starts one more worker; what it gives completes once it is registered. */
    CompletableFuture<String> startWorker() throws IOException {
        String work = folder.resolve("worker-" + processes.size()).toString();
        return start(
                REGISTERED,
                "org.apache.spark.deploy.worker.Worker",
                List.of("--cores", "1", "--memory", "1g", "--work-dir", work, master));
    }

    /** Ends all workers with their executors, as a power cut would. */
    void stopWorkers() {
        for (Process worker : processes.subList(1, processes.size())) {
            List<ProcessHandle> executors = worker.descendants().toList();
            worker.destroyForcibly();
            executors.forEach(ProcessHandle::destroyForcibly);
        }
    }

    /** spark://host:port. */
    String master() {
        return master;
    }

    @Override
    public void close() {
        // First the executors: a worker that is killed leaves them behind.
        List<ProcessHandle> executors =
                processes.stream().flatMap(Process::descendants).toList();
        processes.forEach(Process::destroyForcibly);
        executors.forEach(ProcessHandle::destroyForcibly);
    }
}
