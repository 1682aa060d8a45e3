package org.sparklora.driver.run.history;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The content of {@code status.json}: the state of a run.
 *
 * @param exitCode absent while the run is running
 * @param message why a run failed or was cancelled; else empty
 * @param adapterSha256 digest of {@code adapter_model.safetensors}; present if the run finished
 */
public record RunStatus(
        State state,
        @Nullable Integer exitCode,
        String message,
        @Nullable String adapterSha256) {

    /** File name in the run directory. */
    public static final String FILE = "status.json";

    private static final int CANCELLED_EXIT = 130;
    private static final ObjectMapper JSON = new ObjectMapper();

    /** Legal transitions: running to any other state, and any other state to running when a run resumes. */
    public enum State {
        RUNNING,
        FINISHED,
        FAILED,
        CANCELLED
    }

    public static RunStatus running() {
        return new RunStatus(State.RUNNING, null, "", null);
    }

    public static RunStatus finished(String adapterSha256) {
        return new RunStatus(State.FINISHED, 0, "", adapterSha256);
    }

    public static RunStatus failed(int exitCode, String message) {
        return new RunStatus(State.FAILED, exitCode, message, null);
    }

    public static RunStatus cancelled(String message) {
        return new RunStatus(State.CANCELLED, CANCELLED_EXIT, message, null);
    }

    /** Encodes the status as one line of JSON; absent values are {@code null}. */
    public byte[] toJson() {
        ObjectNode node = JSON.createObjectNode();
        node.put("state", state.name().toLowerCase(Locale.ROOT));
        node.put("exit_code", exitCode);
        node.put("message", message);
        node.put("adapter_sha256", adapterSha256);
        return (node + "\n").getBytes(StandardCharsets.UTF_8);
    }

    /** Decodes {@link #toJson}. */
    public static RunStatus parse(byte[] json) {
        try {
            JsonNode node = JSON.readTree(new String(json, StandardCharsets.UTF_8));
            JsonNode exit = node.path("exit_code");
            JsonNode sha = node.path("adapter_sha256");
            return new RunStatus(
                    State.valueOf(node.path("state").asText().toUpperCase(Locale.ROOT)),
                    exit.isInt() ? Integer.valueOf(exit.asInt()) : null,
                    node.path("message").asText(),
                    sha.isTextual() ? sha.asText() : null);
        } catch (JsonProcessingException | IllegalArgumentException e) {
            throw new OutputException("output.damaged", FILE + " is not a run status: " + e.getMessage());
        }
    }
}
