package org.sparklora.driver.watch.tracking;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.commons.lang3.StringUtils;
import org.sparklora.driver.job.config.TrackingConfig.Mlflow;
import org.sparklora.driver.run.history.RunDirectory;

/**
 * The run of a sweep on an MLflow server: the parent of its trials' runs, which name it in the tag {@code mlflow.parentRunId}. The
 * sweep's {@code tracking.json} remembers it, so trials find it there and a resumed sweep keeps it.
 *
 * <p>A server that does not answer costs the parent and not the sweep: it is warned of.
 */
public final class MlflowSweep {

    /** The tag of a trial's run. */
    private static final String PARENT = "mlflow.parentRunId";

    private static final Pattern TRIAL = Pattern.compile("(.+)/trials/[^/]+/?");

    private final MlflowClient client;
    private final RunDirectory sweep;
    private final Tracking.Environment environment;
    private Optional<JsonNode> run = Optional.empty();

    private MlflowSweep(MlflowClient client, Tracking.Environment environment) {
        this.client = client;
        this.sweep = environment.directory();
        this.environment = environment;
    }

    /**
     * Creates the run of a sweep, or finds it again, before any trial begins.
     *
     * @param varied the values of each varied key
     * @param environment that of the sweep's directory
     */
    public static MlflowSweep begin(
            Mlflow mlflow, String name, SortedMap<String, Set<String>> varied, Tracking.Environment environment) {
        MlflowSweep begun = new MlflowSweep(new MlflowClient(mlflow.uri(), environment.variables()), environment);
        begun.attempt(() -> begun.open(mlflow, name, varied));
        return begun;
    }

    private void open(Mlflow mlflow, String name, SortedMap<String, Set<String>> varied)
            throws IOException, InterruptedException {
        MlflowRuns runs = new MlflowRuns(client, sweep);
        run = runs.resume();
        if (run.isEmpty()) {
            run = Optional.of(runs.create(
                    mlflow.experiment(),
                    name,
                    environment.clock().millis(),
                    MlflowRun.firstTags(name, sweep.location())));
            SortedMap<String, String> parameters = new TreeMap<>();
            varied.forEach((key, values) -> parameters.put(
                    MlflowRun.key(key),
                    StringUtils.abbreviate(String.join(", ", values), "…", MlflowRun.MAX_PARAMETER_LENGTH)));
            client.post("runs/log-batch", Map.of("run_id", id(), "params", MlflowClient.pairs(parameters)));
            // Last, so that a run without its parameters is not found again.
            runs.remember(id());
        }
    }

    private String id() {
        return run.orElseThrow().path("info").path("run_id").asText();
    }

    /**
     * The sweep is over.
     *
     * @param files of the sweep's directory to upload, if the server takes them
     */
    public void end(Tracking.Outcome outcome, List<String> files) {
        if (run.isPresent()) {
            attempt(() -> {
                String artifacts = run.get().path("info").path("artifact_uri").asText();
                Optional<ArtifactStore> store = ArtifactStore.of(artifacts, client);
                for (String name : store.isPresent() ? files : List.<String>of()) {
                    store.get().write(name, sweep.read(name));
                }
                client.post(
                        "runs/update",
                        Map.of(
                                "run_id",
                                id(),
                                "status",
                                outcome.name(),
                                "end_time",
                                environment.clock().millis()));
            });
        }
    }

    /** The tag of a run's parent, if the run is a trial of a sweep that this server has. */
    static Map<String, String> parent(MlflowClient client, Tracking.Environment trial) throws IOException {
        Matcher location = TRIAL.matcher(trial.directory().location());
        if (!location.matches()) {
            return Map.of();
        }
        RunDirectory sweep = trial.directories().apply(location.group(1));
        return new MlflowRuns(client, sweep)
                .remembered()
                .map(id -> Map.of(PARENT, id))
                .orElse(Map.of());
    }

    /** A call of the server. */
    private interface Call {
        void run() throws IOException, InterruptedException;
    }

    private void attempt(Call call) {
        try {
            call.run();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException e) {
            environment
                    .warnings()
                    .accept("MLflow at " + client.server() + " does not show the sweep as a whole: " + e.getMessage());
        }
    }
}
