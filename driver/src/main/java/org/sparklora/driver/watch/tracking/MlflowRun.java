package org.sparklora.driver.watch.tracking;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.sparklora.driver.run.history.RunDirectory;

/**
 * A run on an MLflow tracking server. It is made when the first lines come, or found again by {@code tracking.json}; then
 * the server says which of its numbers it has, so that none is logged twice, whatever the run did before it went on.
 */
final class MlflowRun implements Destination {

    /** MLflow's limits on one {@code log-batch}. */
    private static final int MOST_METRICS = 1000;

    private static final int MOST_PARAMETERS = 100;

    /** What every version of MLflow takes as a parameter's value. */
    private static final int LONGEST_PARAMETER = 500;

    /** What MLflow does not take in a key. */
    private static final Pattern STRANGE = Pattern.compile("[^A-Za-z0-9_\\-. :/]");

    private final Job job;
    private final MlflowClient client;
    private final TrackingFile file;
    private final RunDirectory directory;
    private final Consumer<String> warnings;
    private final Clock clock;

    private final LoggedScalars scalars = new LoggedScalars();
    private final Map<String, Long> newest = new HashMap<>();
    private final Set<String> known = new LinkedHashSet<>();
    private final Set<String> decisions = new LinkedHashSet<>();
    private String id = "";
    private String artifacts = "";

    /**
     * What is to be shown.
     *
     * @param experiment its name
     * @param run what the run is called
     * @param parameters of the job, by path
     */
    record Job(String experiment, String run, SortedMap<String, String> parameters) {}

    MlflowRun(Job job, MlflowClient client, RunDirectory directory, Consumer<String> warnings, Clock clock) {
        this.job = job;
        this.client = client;
        this.file = new TrackingFile(directory);
        this.directory = directory;
        this.warnings = warnings;
        this.clock = clock;
    }

    @Override
    public String name() {
        return "MLflow at " + client.server();
    }

    @Override
    public void send(List<HistoryLine> lines) throws IOException, InterruptedException {
        try {
            if (id.isEmpty()) {
                open(lines.get(0).time().toEpochMilli());
            }
            parameters();
            metrics(lines);
            tags(lines);
        } catch (MlflowClient.ErrorAnswer e) {
            throw e.mayPass() ? e : new RefusedException("refuses the run: " + e.getMessage());
        }
        lines.stream()
                .filter(HistoryLine::isDecision)
                .forEach(line -> decisions.add(line.fields().toString()));
    }

    private void open(long startTime) throws IOException, InterruptedException {
        Optional<String> before = file.mlflowRun(client.server());
        MlflowRuns runs = new MlflowRuns(client);
        Optional<JsonNode> found = before.isPresent() ? runs.goOn(before.get()) : Optional.empty();
        JsonNode run =
                found.isPresent() ? found.get() : runs.create(job.experiment(), job.run(), startTime, firstTags());
        JsonNode data = run.path("data");
        data.path("metrics")
                .forEach(metric -> newest.put(
                        metric.path("key").asText(), metric.path("step").asLong()));
        data.path("params").forEach(parameter -> known.add(parameter.path("key").asText()));
        String made = run.path("info").path("run_id").asText();
        if (made.isEmpty()) {
            throw new RefusedException("answers without a run's id; is it MLflow's tracking server?");
        }
        artifacts = run.path("info").path("artifact_uri").asText();
        id = made;
        // Last: where the run directory is full, the next attempt must not make another run.
        file.remember(client.server(), made);
    }

    private Map<String, String> firstTags() {
        return Map.of(
                "mlflow.runName", job.run(),
                "mlflow.source.name", "spark-lora",
                "mlflow.source.type", "JOB",
                "mlflow.user", System.getProperty("user.name", "unknown"),
                "spark-lora.output", directory.location());
    }

    /** Once: MLflow's parameters never change. */
    private void parameters() throws IOException, InterruptedException {
        SortedMap<String, String> missing = new TreeMap<>();
        job.parameters().forEach((key, value) -> missing.put(key(key), cut(value)));
        missing.keySet().removeAll(known);
        List<Map<String, Object>> all = MlflowClient.pairs(missing);
        for (int from = 0; from < all.size(); from += MOST_PARAMETERS) {
            log("params", all.subList(from, Math.min(all.size(), from + MOST_PARAMETERS)));
        }
        known.addAll(missing.keySet());
    }

    private void metrics(List<HistoryLine> lines) throws IOException, InterruptedException {
        List<Map<String, Object>> batch = new ArrayList<>();
        Map<String, Long> steps = new HashMap<>();
        for (HistoryLine line : lines) {
            Optional<Scalars> logged = scalars.of(line);
            if (logged.isEmpty()) {
                continue;
            }
            if (batch.size() + logged.get().values().size() > MOST_METRICS) {
                logMetrics(batch, steps);
            }
            add(logged.get(), batch, steps);
        }
        logMetrics(batch, steps);
    }

    private void add(Scalars logged, List<Map<String, Object>> batch, Map<String, Long> steps) {
        logged.values().forEach((name, value) -> {
            String key = key(name);
            boolean isThere = newest.containsKey(key) && newest.get(key) >= logged.step();
            // JSON has no numbers that are not finite.
            if (!isThere && Double.isFinite(value)) {
                batch.add(Map.of(
                        "key", key, "value", value, "timestamp", logged.time().toEpochMilli(), "step", logged.step()));
                steps.put(key, logged.step());
            }
        });
    }

    private void logMetrics(List<Map<String, Object>> batch, Map<String, Long> steps)
            throws IOException, InterruptedException {
        for (int from = 0; from < batch.size(); from += MOST_METRICS) {
            log("metrics", batch.subList(from, Math.min(batch.size(), from + MOST_METRICS)));
        }
        newest.putAll(steps);
        batch.clear();
        steps.clear();
    }

    private void tags(List<HistoryLine> lines) throws IOException, InterruptedException {
        SortedMap<String, String> tags = new TreeMap<>();
        for (HistoryLine line : lines) {
            for (String name : List.of("configuration_sha256", "base_model_sha256", "adapter_sha256")) {
                if (line.fields().hasNonNull(name)) {
                    tags.put("spark-lora." + name, line.fields().get(name).asText());
                }
            }
            line.fields()
                    .path("versions")
                    .fields()
                    .forEachRemaining(version -> tags.put(
                            "version." + version.getKey(), version.getValue().asText()));
        }
        if (!tags.isEmpty()) {
            log("tags", MlflowClient.pairs(tags));
        }
    }

    private void log(String what, List<Map<String, Object>> values) throws IOException, InterruptedException {
        client.post("runs/log-batch", Map.of("run_id", id, what, values));
    }

    private static String key(String name) {
        return STRANGE.matcher(name).replaceAll("_");
    }

    private static String cut(String value) {
        return value.length() <= LONGEST_PARAMETER ? value : value.substring(0, LONGEST_PARAMETER - 1) + "…";
    }

    @Override
    public void finish(Outcome outcome) throws IOException, InterruptedException {
        if (id.isEmpty()) {
            return; // It never came so far that there was something to show.
        }
        try {
            if (outcome == Outcome.FINISHED) {
                upload();
            }
            String status = switch (outcome) {
                case FINISHED -> "FINISHED";
                case FAILED -> "FAILED";
                case CANCELLED -> "KILLED";
            };
            client.post("runs/update", Map.of("run_id", id, "status", status, "end_time", clock.millis()));
        } catch (MlflowClient.ErrorAnswer e) {
            throw new RefusedException("does not take the run's end: " + e.getMessage());
        }
    }

    /** What the run directory holds for others: the adapter, and the files that tell of it. */
    private void upload() throws IOException, InterruptedException {
        Optional<ArtifactStore> store = ArtifactStore.of(artifacts, client);
        if (store.isEmpty()) {
            warnings.accept(name() + " keeps artifacts in " + artifacts
                    + ", which only the server's own host or a cloud client reaches; adapter, report and freeze decisions"
                    + " stay in " + directory.location() + " (mlflow server --serve-artifacts would take them)");
            return;
        }
        for (String name : List.of("config.yaml", "manifest.json", "report.html")) {
            if (directory.exists(name)) {
                store.get().write(name, directory.read(name));
            }
        }
        for (String name : directory.list("adapter")) {
            store.get().write("adapter/" + name, directory.read("adapter/" + name));
        }
        String lines = String.join("\n", decisions) + "\n";
        store.get().write("freeze_decisions.jsonl", lines.getBytes(StandardCharsets.UTF_8));
    }
}
