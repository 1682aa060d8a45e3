package org.sparklora.driver.watch.verify;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.sparklora.driver.job.manifest.ManifestException;
import org.sparklora.driver.job.manifest.ManifestFile;
import org.sparklora.driver.job.manifest.ManifestJson;
import org.sparklora.driver.run.history.OutputException;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.run.history.RunHistory;
import org.sparklora.driver.run.history.RunStatus;
import org.sparklora.driver.run.history.StoredHistory;

/**
 * The files of a run directory, read and checked.
 *
 * @param configuration text of config.yaml; empty if it does not exist
 * @param events of history.jsonl, in order
 * @param results empty for a run that did not finish
 */
public record RecordedRun(String configuration, List<JsonNode> events, RunStatus status, Optional<Results> results) {

    private static final ObjectMapper JSON = new ObjectMapper();

    public RecordedRun {
        events = List.copyOf(events);
    }

    /** What only a finished run has. */
    record Results(ManifestFile manifest, RecordedAdapter adapter) {}

    /** The events with this name. */
    List<JsonNode> events(String name) {
        return events.stream()
                .filter(event -> event.path("event").asText().equals(name))
                .toList();
    }

    /** The newest {@code run} event: a resumed run has several, and config.yaml belongs to the last. */
    Optional<JsonNode> lastStart() {
        return events("run").stream().reduce((first, second) -> second);
    }

    /**
     * Reads a run directory.
     *
     * @throws OutputException if it contains no run or cannot be read
     * @throws CorruptRunException if a file is damaged, or missing although the run finished
     */
    public static RecordedRun read(RunDirectory directory) {
        try {
            return new Reader(directory).read();
        } catch (IOException e) {
            throw OutputException.reading(directory.location(), e);
        }
    }

    /**
     * Reads the events of a history.
     *
     * @param file its path, for messages
     */
    static List<JsonNode> events(String file, byte[] utf8) {
        List<JsonNode> events = new ArrayList<>();
        for (String line : text(file, utf8).lines().toList()) {
            String where = file + " line " + (events.size() + 1);
            JsonNode event = event(where, line);
            List<String> required = switch (event.path("event").asText()) {
                case "step" -> List.of("epoch", "step", "loss");
                case "epoch_end" -> List.of("epoch");
                default -> List.of();
            };
            for (String field : required) {
                if (!event.has(field)) {
                    throw CorruptRunException.damaged(where + " has no '" + field + "'", null);
                }
            }
            events.add(event);
        }
        return events;
    }

    private static String text(String file, byte[] utf8) {
        try {
            CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
            return decoder.decode(ByteBuffer.wrap(utf8)).toString();
        } catch (CharacterCodingException e) {
            throw CorruptRunException.damaged(file + " is not UTF-8", e);
        }
    }

    private static JsonNode event(String where, String line) {
        String shortened = line.length() <= 60 ? line : line.substring(0, 60) + "…";
        try {
            JsonNode event = JSON.readTree(line);
            if (event.path("event").isTextual()) {
                return event;
            }
        } catch (JsonProcessingException e) {
            throw CorruptRunException.damaged(where + " is not a complete JSON object: " + shortened, e);
        }
        throw CorruptRunException.damaged(where + " is not an event: " + shortened, null);
    }

    /** Reads the files of a directory. */
    private record Reader(RunDirectory directory) {

        RecordedRun read() throws IOException {
            StoredHistory history = StoredHistory.of(directory);
            if (history.isEmpty() && !directory.exists(RunStatus.FILE)) {
                throw OutputException.noRun(directory.location());
            }
            RunStatus status = status();
            boolean finished = status.state() == RunStatus.State.FINISHED;
            if (finished && history.isEmpty()) {
                throw CorruptRunException.missing(path(RunHistory.FILE));
            }
            RecordedRun run = new RecordedRun(
                    new String(directory.find("config.yaml").orElse(new byte[0]), StandardCharsets.UTF_8),
                    events(path(RunHistory.FILE), history.readAll()),
                    status,
                    finished ? Optional.of(results(status)) : Optional.empty());
            if (finished && run.events("finished").isEmpty()) {
                String problem = path(RunHistory.FILE) + " ends before the run: lines are missing";
                throw new CorruptRunException("run.history-incomplete", problem, null);
            }
            return run;
        }

        private RunStatus status() throws IOException {
            try {
                return RunStatus.parse(file(RunStatus.FILE));
            } catch (OutputException e) {
                throw CorruptRunException.damaged(path(RunStatus.FILE) + " is not a run status", e);
            }
        }

        private Results results(RunStatus status) throws IOException {
            String text = new String(file("manifest.json"), StandardCharsets.UTF_8);
            try {
                ManifestFile manifest = ManifestJson.read(text);
                byte[] adapter = file(RecordedAdapter.FILE);
                String path = path(RecordedAdapter.FILE);
                return new Results(manifest, RecordedAdapter.of(path, adapter, status.adapterSha256()));
            } catch (ManifestException e) {
                // Each problem starts with the file's name.
                throw CorruptRunException.damaged(path(String.join(", ", e.problems())), e);
            }
        }

        private byte[] file(String name) throws IOException {
            return directory.find(name).orElseThrow(() -> CorruptRunException.missing(path(name)));
        }

        private String path(String file) {
            return directory.location() + "/" + file;
        }
    }
}
