package org.sparklora.driver.run.history;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The content of {@code status.json}: how a run stands.
 *
 * @param exitCode absent while the run is going
 * @param message for a person; why a run failed or was cancelled, else empty
 * @param adapterSha256 digest of {@code adapter_model.safetensors}, present when the run finished
 */
public record RunStatus(
        State state,
        @Nullable Integer exitCode,
        String message,
        @Nullable String adapterSha256) {

    /** Its name in the run directory. */
    public static final String FILE = "status.json";

    private static final int CANCELLED_EXIT = 130;
    private static final ObjectMapper JSON = new ObjectMapper();

    /** Where a run stands. Legal moves: running → one of the others; a resumed run is running again. */
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

    /** The bytes of {@code status.json}: one line; what is absent is {@code null}. */
    public byte[] toJson() {
        ObjectNode node = JSON.createObjectNode();
        node.put("state", state.name().toLowerCase(Locale.ROOT));
        node.put("exit_code", exitCode);
        node.put("message", message);
        node.put("adapter_sha256", adapterSha256);
        return (node + "\n").getBytes(StandardCharsets.UTF_8);
    }

    /** Reads what {@link #toJson} wrote. */
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
            throw new OutputException(FILE + " is not the status of a run: " + e.getMessage());
        }
    }
}
