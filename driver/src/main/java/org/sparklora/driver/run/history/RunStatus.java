package org.sparklora.driver.run.history;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonSetter;
import com.fasterxml.jackson.annotation.Nulls;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * The content of {@code status.json}: the state of a run.
 *
 * @param exitCode absent while the run is running
 * @param message why a run failed or was cancelled; else empty
 * @param adapterSha256 digest of {@code adapter_model.safetensors}; present if the run finished
 */
public record RunStatus(
        @JsonProperty(required = true) State state,
        @Nullable Integer exitCode,
        @JsonSetter(nulls = Nulls.AS_EMPTY) String message,
        @Nullable String adapterSha256) {

    /** File name in the run directory. */
    public static final String FILE = "status.json";

    private static final int CANCELLED_EXIT = 130;
    private static final JsonMapper JSON = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .build();

    /** Legal transitions: running to any other state, and any other state to running when a run resumes. */
    public enum State {
        @JsonProperty("running")
        RUNNING,
        @JsonProperty("finished")
        FINISHED,
        @JsonProperty("failed")
        FAILED,
        @JsonProperty("cancelled")
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
        return (JSON.valueToTree(this) + "\n").getBytes(StandardCharsets.UTF_8);
    }

    /** Decodes {@link #toJson}. */
    public static RunStatus parse(byte[] json) {
        try {
            RunStatus status = JSON.readValue(new String(json, StandardCharsets.UTF_8), RunStatus.class);
            if (status == null || status.state() == null) {
                throw new OutputException("output.damaged", FILE + " is not a run status: it has no state");
            }
            return status;
        } catch (JsonProcessingException e) {
            throw new OutputException("output.damaged", FILE + " is not a run status: " + e.getOriginalMessage());
        }
    }
}
