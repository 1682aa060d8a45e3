package org.sparklora.driver.watch.tracking;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.apache.commons.lang3.StringUtils;
import org.sparklora.driver.job.config.Secrets;
import org.sparklora.driver.run.history.HistoryLine;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.watch.tracking.Tracking.Outcome;

/**
 * A run on an MLflow tracking server. It is created with the first lines, or found again through {@code tracking.json}. The
 * server then reports which metrics it has, so a resumed run logs no value twice.
 */
final class MlflowRun implements Destination {

    /** MLflow's limits for one {@code log-batch}. */
    private static final int MAX_METRICS = 1000;

    private static final int MAX_PARAMETERS = 100;

    /** The parameter length that every MLflow version accepts. */
    static final int MAX_PARAMETER_LENGTH = 500;

    /** Characters that MLflow does not accept in keys. */
    private static final Pattern INVALID_IN_KEY = Pattern.compile("[^A-Za-z0-9_\\-. :/]");

    private final Job job;
    private final MlflowClient client;
    private final Tracking.Environment environment;
    private final RunDirectory directory;
    private final LoggedScalars scalars = new LoggedScalars();

    /** Newest step that the server has, by metric. */
    private final Map<String, Long> newest = new HashMap<>();

    private final Set<String> knownParameters = new LinkedHashSet<>();
    private final Set<String> decisions = new LinkedHashSet<>();
    private String id = "";
    private String artifacts = "";

    /** One value of a metric, as MLflow's JSON has it. */
    private record Point(String key, double value, long timestamp, long step) {}

    /**
     * What the run shows.
     *
     * @param experiment its name
     * @param run the run's name
     * @param parameters of the job, by path
     */
    record Job(String experiment, String run, SortedMap<String, String> parameters) {}

    MlflowRun(Job job, MlflowClient client, Tracking.Environment environment) {
        this.job = job;
        this.client = client;
        this.environment = environment;
        this.directory = environment.directory();
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
            throw e.isTransient ? e : new RefusedException("refuses the run: " + e.getMessage());
        }
        lines.stream().filter(HistoryLine::isDecision).forEach(line -> {
            decisions.add(line.fields().toString());
        });
    }

    private void open(long startTime) throws IOException, InterruptedException {
        MlflowRuns runs = new MlflowRuns(client, directory);
        Optional<JsonNode> resumed = runs.resume();
        JsonNode run = resumed.isPresent() ? resumed.get() : create(runs, startTime);
        for (JsonNode metric : run.path("data").path("metrics")) {
            newest.put(metric.path("key").asText(), metric.path("step").asLong());
        }
        for (JsonNode parameter : run.path("data").path("params")) {
            knownParameters.add(parameter.path("key").asText());
        }
        String found = run.path("info").path("run_id").asText();
        if (found.isEmpty()) {
            throw new RefusedException("answered without a run id; check that it is an MLflow tracking server");
        }
        artifacts = run.path("info").path("artifact_uri").asText();
        id = found;
        // Last: if the run directory is full, the next attempt must not create another run.
        runs.remember(found);
    }

    private JsonNode create(MlflowRuns runs, long startTime) throws IOException, InterruptedException {
        Map<String, String> tags = new TreeMap<>(firstTags(job.run(), directory.location()));
        tags.putAll(MlflowSweep.parent(client, environment));
        return runs.create(job.experiment(), job.run(), startTime, tags);
    }

    /** Tags that a run has from the beginning. */
    static Map<String, String> firstTags(String run, String output) {
        return Map.of(
                "mlflow.runName",
                run,
                "mlflow.source.name",
                "spark-lora",
                "mlflow.source.type",
                "JOB",
                "mlflow.user",
                System.getProperty("user.name", "unknown"),
                "spark-lora.output",
                output);
    }

    /** Logs parameters once, since MLflow's parameters are immutable. */
    private void parameters() throws IOException, InterruptedException {
        SortedMap<String, String> missing = new TreeMap<>();
        job.parameters()
                .forEach((key, value) ->
                        missing.put(key(key), StringUtils.abbreviate(value, "…", MAX_PARAMETER_LENGTH)));
        missing.keySet().removeAll(knownParameters);
        log("params", MlflowClient.pairs(missing), MAX_PARAMETERS);
        knownParameters.addAll(missing.keySet());
    }

    private void metrics(List<HistoryLine> lines) throws IOException, InterruptedException {
        List<Point> batch = new ArrayList<>();
        for (HistoryLine line : lines) {
            List<Point> points = points(line);
            if (batch.size() + points.size() > MAX_METRICS) {
                logMetrics(batch);
            }
            batch.addAll(points);
        }
        logMetrics(batch);
    }

    /** The numbers of a line that the server does not have. */
    private List<Point> points(HistoryLine line) {
        List<Point> points = new ArrayList<>();
        scalars.of(line)
                .ifPresent(logged -> logged.values().forEach((name, value) -> {
                    String key = key(name);
                    // JSON has only finite numbers.
                    if (newest.getOrDefault(key, -1L) < logged.step() && Double.isFinite(value)) {
                        points.add(new Point(key, value, logged.time().toEpochMilli(), logged.step()));
                    }
                }));
        return points;
    }

    private void logMetrics(List<Point> batch) throws IOException, InterruptedException {
        log("metrics", batch, MAX_METRICS);
        batch.forEach(point -> newest.put(point.key(), point.step()));
        batch.clear();
    }

    private void tags(List<HistoryLine> lines) throws IOException, InterruptedException {
        SortedMap<String, String> tags = new TreeMap<>();
        for (HistoryLine line : lines) {
            for (String name : List.of("configuration_sha256", "base_model_sha256", "adapter_sha256")) {
                if (line.fields().hasNonNull(name)) {
                    tags.put("spark-lora." + name, line.fields().get(name).asText());
                }
            }
            line.fields().path("versions").fields().forEachRemaining(version -> {
                tags.put("version." + version.getKey(), version.getValue().asText());
            });
        }
        log("tags", MlflowClient.pairs(tags), MAX_PARAMETERS);
    }

    private void log(String what, List<?> values, int max) throws IOException, InterruptedException {
        for (int from = 0; from < values.size(); from += max) {
            List<?> part = values.subList(from, Math.min(values.size(), from + max));
            client.post("runs/log-batch", Map.of("run_id", id, what, part));
        }
    }

    /** A key as MLflow accepts it. */
    static String key(String name) {
        return INVALID_IN_KEY.matcher(name).replaceAll("_");
    }

    @Override
    public void finish(Outcome outcome) throws IOException, InterruptedException {
        if (id.isEmpty()) {
            return; // The run ended before it had anything to show.
        }
        try {
            if (outcome == Outcome.FINISHED) {
                upload();
            }
            String status = outcome == Outcome.CANCELLED ? "KILLED" : outcome.name();
            client.post(
                    "runs/update",
                    Map.of(
                            "run_id",
                            id,
                            "status",
                            status,
                            "end_time",
                            environment.clock().millis()));
        } catch (MlflowClient.ErrorAnswer e) {
            throw new RefusedException("refuses the end of the run: " + e.getMessage());
        }
    }

    private static byte[] redacted(byte[] yaml) {
        return Secrets.redacted(new String(yaml, StandardCharsets.UTF_8)).getBytes(StandardCharsets.UTF_8);
    }

    /** Uploads the adapter and the files that describe the run. */
    private void upload() throws IOException, InterruptedException {
        Optional<ArtifactStore> store = ArtifactStore.of(artifacts, client);
        if (store.isEmpty()) {
            environment
                    .warnings()
                    .accept(name() + " stores artifacts in " + artifacts
                            + ", which needs a cloud client; adapter, report and freeze decisions stay in "
                            + directory.location()
                            + ". To upload them, start the server with mlflow server --serve-artifacts");
            return;
        }
        List<String> names = new ArrayList<>(List.of("config.yaml", "manifest.json", "report.html"));
        directory.list("adapter").forEach(name -> names.add("adapter/" + name));
        for (String name : names) {
            if (directory.exists(name)) {
                byte[] bytes = directory.read(name);
                store.get().write(name, name.equals("config.yaml") ? redacted(bytes) : bytes);
            }
        }
        String lines = String.join("\n", decisions) + "\n";
        store.get().write("freeze_decisions.jsonl", lines.getBytes(StandardCharsets.UTF_8));
    }
}
