package org.sparklora.driver.watch.tracking;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Instant;

/**
 * A published line of {@code history.jsonl}.
 *
 * @param fields the whole object
 */
record HistoryLine(String event, Instant time, JsonNode fields) {

    static final ObjectMapper JSON = new ObjectMapper();

    static HistoryLine of(String line) {
        try {
            JsonNode fields = JSON.readTree(line);
            return new HistoryLine(
                    fields.path("event").asText(),
                    Instant.parse(fields.path("time").asText()),
                    fields);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("no line of a history: " + line, e);
        }
    }

    /** A number of the event; one that JSON cannot say is written as text. */
    static double number(JsonNode value) {
        return value.isTextual() ? Double.parseDouble(value.asText()) : value.asDouble();
    }

    /** Whether it says who trains from now on, and why. */
    boolean isDecision() {
        return switch (event) {
            case "epoch_start", "thaw", "freeze", "add", "restore", "stop" -> true;
            default -> false;
        };
    }
}
