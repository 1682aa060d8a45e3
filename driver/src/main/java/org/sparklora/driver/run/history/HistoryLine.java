package org.sparklora.driver.run.history;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Instant;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A published line of {@code history.jsonl}.
 *
 * @param fields the whole object
 */
public record HistoryLine(String event, JsonNode fields) {

    private static final ObjectMapper JSON = new ObjectMapper();

    /**
     * Parses a line.
     *
     * @throws JsonProcessingException if it is not a JSON value
     */
    public static HistoryLine parse(String line) throws JsonProcessingException {
        JsonNode fields = JSON.readTree(line);
        return new HistoryLine(fields.path("event").asText(), fields);
    }

    /** When the event happened. */
    public Instant time() {
        return Instant.parse(fields.path("time").asText());
    }

    /** Whether the event says which groups train from now on, and why. */
    public boolean isDecision() {
        return switch (event) {
            case "epoch_start", "thaw", "freeze", "add", "restore", "stop" -> true;
            default -> false;
        };
    }

    /** A number. NaN and infinities are strings in the file; a missing number is NaN. */
    public static double number(JsonNode value) {
        if (value.isNumber()) {
            return value.asDouble();
        }
        return switch (value.asText()) {
            case "Infinity" -> Double.POSITIVE_INFINITY;
            case "-Infinity" -> Double.NEGATIVE_INFINITY;
            default -> Double.NaN;
        };
    }

    /** The numbers of an object by name; empty if it is missing. */
    public static SortedMap<String, Double> numbers(JsonNode object) {
        SortedMap<String, Double> numbers = new TreeMap<>();
        object.fields().forEachRemaining(field -> numbers.put(field.getKey(), number(field.getValue())));
        return numbers;
    }
}
