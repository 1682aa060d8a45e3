package org.sparklora.driver.run.history;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamWriteFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/**
 * The history of a run, {@code history.jsonl}: one JSON object per line, {@code "event"} first and {@code "time"} second.
 *
 * <p>Call order: {@link #append} the events of a segment, then {@link #commit} to publish them. A checkpoint stores {@link #bytes}; a resumed run passes them to {@link
 * #resume}, so each step appears once.
 *
 * <p>Floats and doubles have the fewest digits that read back to the same value of their type. NaN and infinities, which JSON
 * numbers cannot express, are the strings {@code "NaN"}, {@code "Infinity"} and {@code "-Infinity"}. Not thread-safe.
 */
public final class RunHistory {

    /** File name in the run directory. */
    public static final String FILE = "history.jsonl";

    /** Events of the cluster, which do not happen again when a run resumes. */
    private static final Set<String> HAPPENED = Set.of("failure", "recovered", "waited", "executor_lost");

    // Writes the shortest digits on every Java version; Double.toString does so only since Java 19.
    private static final ObjectMapper JSON = new ObjectMapper(JsonFactory.builder()
            .enable(StreamWriteFeature.USE_FAST_DOUBLE_WRITER)
            .build());

    private final RunDirectory directory;
    private final Clock clock;
    private final ByteArrayOutputStream committed = new ByteArrayOutputStream();
    private final ByteArrayOutputStream pending = new ByteArrayOutputStream();
    private Consumer<List<String>> listener = lines -> {};

    /** Creates an empty history. The first commit writes the file. */
    public RunHistory(RunDirectory directory, Clock clock) {
        this.directory = directory;
        this.clock = clock;
    }

    /**
     * Continues a stored history from a checkpoint. Of the events after the checkpoint only those of the cluster stay, since
     * everything else will happen again.
     *
     * @param bytes {@link #bytes} at the checkpoint
     */
    public static RunHistory resume(RunDirectory directory, Clock clock, int bytes) throws IOException {
        byte[] stored = directory.find(FILE).orElse(new byte[0]);
        if (bytes < 0 || bytes > stored.length || (bytes > 0 && stored[bytes - 1] != '\n')) {
            throw new OutputException(
                    "output.damaged",
                    directory.location() + "/" + FILE + " has " + stored.length + " bytes and no line end at byte "
                            + bytes + ", where the checkpoint expects one; restore the file or use --overwrite");
        }
        RunHistory history = new RunHistory(directory, clock);
        history.committed.write(stored, 0, bytes);
        String after = new String(stored, bytes, stored.length - bytes, StandardCharsets.UTF_8);
        for (String line : after.lines().toList()) {
            String event = HistoryLine.parse(line).event();
            if (HAPPENED.contains(event)) {
                history.committed.writeBytes((line + "\n").getBytes(StandardCharsets.UTF_8));
            }
        }
        return history;
    }

    /** Adds an event with the current time to the open segment. */
    public void append(HistoryEvent event) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("event", event.name());
        line.put("time", clock.instant().toString());
        line.putAll(event.fields());
        try {
            pending.writeBytes(JSON.writeValueAsBytes(line));
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("event '" + event.name() + "' has a value that JSON cannot express", e);
        }
        pending.write('\n');
    }

    /** Publishes the open segment. If writing fails, the segment stays open and can be committed again. */
    public void commit() throws IOException {
        if (pending.size() == 0) {
            return;
        }
        ByteArrayOutputStream all = new ByteArrayOutputStream(committed.size() + pending.size());
        all.writeBytes(committed.toByteArray());
        all.writeBytes(pending.toByteArray());
        directory.write(FILE, all.toByteArray());
        committed.writeBytes(pending.toByteArray());
        List<String> published = lines(pending);
        pending.reset();
        listener.accept(published);
    }

    /**
     * Sets the listener that receives every published line once and in order, beginning with the lines published so far.
     *
     * @param to must neither throw nor block
     */
    public void listen(Consumer<List<String>> to) {
        listener = to;
        if (committed.size() > 0) {
            to.accept(lines(committed));
        }
    }

    private static List<String> lines(ByteArrayOutputStream bytes) {
        return bytes.toString(StandardCharsets.UTF_8).lines().toList();
    }

    /** Number of published bytes. */
    public int committedBytes() {
        return committed.size();
    }

    /** Number of bytes with the open segment, from which a checkpoint of this moment resumes once all is published. */
    public int bytes() {
        return committed.size() + pending.size();
    }
}
