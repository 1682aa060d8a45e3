package org.sparklora.driver.watch.tracking;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Finds runs and experiments on a server, and makes them where there are none. */
final class MlflowRuns {

    private static final String DELETED = "deleted";

    private final MlflowClient client;

    MlflowRuns(MlflowClient client) {
        this.client = client;
    }

    /** A run that is to go on; empty where somebody has deleted it. */
    Optional<JsonNode> goOn(String run) throws IOException, InterruptedException {
        Optional<JsonNode> found = known("runs/get", "run_id", run)
                .map(answer -> answer.path("run"))
                .filter(there -> !isDeleted(there.path("info")));
        if (found.isPresent()) {
            client.post("runs/update", Map.of("run_id", run, "status", "RUNNING"));
        }
        return found;
    }

    /** A new run. */
    JsonNode create(String experiment, String name, long startTime, Map<String, String> tags)
            throws IOException, InterruptedException {
        Map<String, Object> body = new TreeMap<>();
        body.put("experiment_id", experiment(experiment));
        body.put("run_name", name);
        body.put("start_time", startTime);
        body.put("tags", MlflowClient.pairs(tags));
        return client.post("runs/create", body).path("run");
    }

    /** The id of an experiment, which is made unless it is there. */
    private String experiment(String name) throws IOException, InterruptedException {
        Optional<String> found = findExperiment(name);
        if (found.isPresent()) {
            return found.get();
        }
        try {
            return client.post("experiments/create", Map.of("name", name))
                    .path("experiment_id")
                    .asText();
        } catch (MlflowClient.ErrorAnswer e) {
            if (e.code().equals(MlflowClient.EXISTS)) { // Another run was faster.
                return findExperiment(name).orElseThrow(() -> e);
            }
            throw e;
        }
    }

    private Optional<String> findExperiment(String name) throws IOException, InterruptedException {
        Optional<JsonNode> found =
                known("experiments/get-by-name", "experiment_name", name).map(answer -> answer.path("experiment"));
        if (found.filter(MlflowRuns::isDeleted).isPresent()) {
            throw new RefusedException("has deleted the experiment '" + name
                    + "'; restore it there, or name another in tracking.experiment");
        }
        return found.map(experiment -> experiment.path("experiment_id").asText());
    }

    private static boolean isDeleted(JsonNode thing) {
        return thing.path("lifecycle_stage").asText().equals(DELETED);
    }

    /** What the server knows of a name; empty where it does not know it. */
    private Optional<JsonNode> known(String call, String key, String value) throws IOException, InterruptedException {
        try {
            return Optional.of(client.get(call, key, value));
        } catch (MlflowClient.ErrorAnswer e) {
            if (e.code().equals(MlflowClient.UNKNOWN)) {
                return Optional.empty();
            }
            throw e;
        }
    }
}
