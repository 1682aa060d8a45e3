package org.sparklora.driver.watch.tracking;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.sparklora.driver.run.history.OutputGuard;
import org.sparklora.driver.run.history.RunDirectory;

/** {@code tracking.json} of a run directory: under which run of which MLflow server it is shown, so that it goes on there. */
final class TrackingFile {

    private static final String MLFLOW = "mlflow";

    private final RunDirectory directory;

    TrackingFile(RunDirectory directory) {
        this.directory = directory;
    }

    /** The run on a server, if it is that server that knows it. */
    Optional<String> mlflowRun(String server) throws IOException {
        if (!directory.exists(OutputGuard.TRACKING)) {
            return Optional.empty();
        }
        JsonNode mlflow = HistoryLine.JSON
                .readTree(new String(directory.read(OutputGuard.TRACKING), StandardCharsets.UTF_8))
                .path(MLFLOW);
        return mlflow.path("uri").asText().equals(server)
                ? Optional.of(mlflow.path("run_id").asText())
                : Optional.empty();
    }

    /** Remembers the run on a server. */
    void remember(String server, String run) throws IOException {
        Map<String, Object> file = Map.of(MLFLOW, new TreeMap<>(Map.of("uri", server, "run_id", run)));
        directory.write(
                OutputGuard.TRACKING,
                HistoryLine.JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(file));
    }
}
