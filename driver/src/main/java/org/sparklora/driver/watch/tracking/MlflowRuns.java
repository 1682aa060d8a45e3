package org.sparklora.driver.watch.tracking;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.sparklora.driver.run.history.OutputGuard;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.watch.tracking.Destination.RefusedException;

/** Finds or creates the run of a run directory on an MLflow server. {@code tracking.json} remembers it for a resume. */
record MlflowRuns(MlflowClient client, RunDirectory directory) {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String MLFLOW = "mlflow";

    /** The run that {@code tracking.json} names, set to running again; empty if there is none or it was deleted. */
    Optional<JsonNode> resume() throws IOException, InterruptedException {
        Optional<String> remembered = remembered();
        if (remembered.isEmpty()) {
            return Optional.empty();
        }
        String id = remembered.get();
        Optional<JsonNode> found = client.find("runs/get", "run_id", id)
                .map(answer -> answer.path("run"))
                .filter(run -> !isDeleted(run.path("info")));
        if (found.isPresent()) {
            client.post("runs/update", Map.of("run_id", id, "status", "RUNNING"));
        }
        return found;
    }

    /** The run's id on this server, as {@code tracking.json} has it. */
    Optional<String> remembered() throws IOException {
        byte[] file = directory.find(OutputGuard.TRACKING).orElse(new byte[0]);
        JsonNode remembered = JSON.readTree(file).path(MLFLOW);
        return remembered.path("uri").asText().equals(client.server())
                ? Optional.of(remembered.path("run_id").asText())
                : Optional.empty();
    }

    /** Writes {@code tracking.json}. */
    void remember(String run) throws IOException {
        Map<String, Object> file = Map.of(MLFLOW, new TreeMap<>(Map.of("uri", client.server(), "run_id", run)));
        byte[] json = JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(file);
        directory.write(OutputGuard.TRACKING, json);
    }

    /** Creates a run. */
    JsonNode create(String experiment, String name, long startTime, Map<String, String> tags)
            throws IOException, InterruptedException {
        Map<String, Object> body = new TreeMap<>();
        body.put("experiment_id", experiment(experiment));
        body.put("run_name", name);
        body.put("start_time", startTime);
        body.put("tags", MlflowClient.pairs(tags));
        return client.post("runs/create", body).path("run");
    }

    /** The id of an experiment, which is created if it does not exist. */
    private String experiment(String name) throws IOException, InterruptedException {
        Optional<String> found = findExperiment(name);
        if (found.isPresent()) {
            return found.get();
        }
        try {
            JsonNode created = client.post("experiments/create", Map.of("name", name));
            return created.path("experiment_id").asText();
        } catch (MlflowClient.ErrorAnswer e) {
            if (e.code.equals("RESOURCE_ALREADY_EXISTS")) { // Another run created it in between.
                return findExperiment(name).orElseThrow(() -> e);
            }
            throw e;
        }
    }

    private Optional<String> findExperiment(String name) throws IOException, InterruptedException {
        Optional<JsonNode> found = client.find("experiments/get-by-name", "experiment_name", name)
                .map(answer -> answer.path("experiment"));
        if (found.filter(MlflowRuns::isDeleted).isPresent()) {
            throw new RefusedException("refuses the run: experiment '" + name
                    + "' is deleted; restore it, or set another tracking.experiment");
        }
        return found.map(experiment -> experiment.path("experiment_id").asText());
    }

    private static boolean isDeleted(JsonNode entity) {
        return entity.path("lifecycle_stage").asText().equals("deleted");
    }
}
