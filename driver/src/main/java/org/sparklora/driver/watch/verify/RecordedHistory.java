package org.sparklora.driver.watch.verify;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.sparklora.driver.run.history.RunHistory;

/**
 * The events of {@code history.jsonl} that are compared, each kind in order.
 *
 * @param runs what the run depended on; a resumed run has one for each time it began
 * @param finished whether the run says that it is complete
 */
record RecordedHistory(List<JsonNode> runs, List<JsonNode> steps, List<JsonNode> epochEnds, boolean finished) {

    private static final ObjectMapper JSON = new ObjectMapper();

    RecordedHistory {
        runs = List.copyOf(runs);
        steps = List.copyOf(steps);
        epochEnds = List.copyOf(epochEnds);
    }

    /** A run that ended before it began to train. */
    static RecordedHistory none() {
        return new RecordedHistory(List.of(), List.of(), List.of(), false);
    }

    /**
     * Reads a history.
     *
     * @param location of the run, for messages
     */
    static RecordedHistory parse(String location, byte[] utf8) {
        List<JsonNode> runs = new ArrayList<>();
        List<JsonNode> steps = new ArrayList<>();
        List<JsonNode> epochEnds = new ArrayList<>();
        boolean finished = false;
        for (JsonNode event : events(location, utf8)) {
            switch (event.path("event").asText()) {
                case "run" -> runs.add(event);
                case "step" -> steps.add(event);
                case "epoch_end" -> epochEnds.add(event);
                case "finished" -> finished = true;
                default -> {
                    // Freezing, thawing and failures: what they do to the numbers is in the steps.
                }
            }
        }
        return new RecordedHistory(runs, steps, epochEnds, finished);
    }

    /** Every event in order. */
    static List<JsonNode> events(String location, byte[] utf8) {
        String file = location + "/" + RunHistory.FILE;
        List<JsonNode> events = new ArrayList<>();
        int number = 0;
        for (String line : text(file, utf8).lines().toList()) {
            number++;
            JsonNode event = event(file, number, line);
            events.add(
                    switch (event.path("event").asText()) {
                        case "step" -> complete(file, number, event, "epoch", "step", "loss");
                        case "epoch_end" -> complete(file, number, event, "epoch");
                        default -> event;
                    });
        }
        return events;
    }

    private static String text(String file, byte[] utf8) {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(utf8))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new CorruptRunException(file, "is not UTF-8", e);
        }
    }

    private static JsonNode event(String file, int number, String line) {
        try {
            JsonNode event = JSON.readTree(line);
            if (event.path("event").isTextual()) {
                return event;
            }
        } catch (JsonProcessingException e) {
            throw new CorruptRunException(
                    file, "is damaged at line " + number + ", which is no whole JSON object: " + shortened(line), e);
        }
        throw new CorruptRunException(file, "is damaged at line " + number + ", which is no event: " + shortened(line));
    }

    private static JsonNode complete(String file, int number, JsonNode event, String... fields) {
        for (String field : fields) {
            if (!event.has(field)) {
                throw new CorruptRunException(
                        file, "is damaged at line " + number + ": this event has no '" + field + "'");
            }
        }
        return event;
    }

    private static String shortened(String line) {
        return line.length() <= 60 ? line : line.substring(0, 60) + "…";
    }
}
