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
import java.util.function.Consumer;

/**
 * The history of a run, {@code history.jsonl}: one JSON object per line, {@code "event"} first and {@code "time"} second.
 *
 * <p>Call order: {@link #append} the events of a segment, then {@link #commit} to publish them, or {@link #rollback}
 * when the segment failed and will run again. A checkpoint stores {@link #committedBytes}; a run that resumes from it
 * passes them to {@link #resume}, so each step stands in the file once.
 *
 * <p>Floats and doubles are written with the fewest digits that read back to the same value of their type; NaN and infinities, which JSON numbers cannot say, as the strings {@code "NaN"}, {@code "Infinity"},
 * {@code "-Infinity"}. Not thread-safe.
 */
public final class RunHistory {

    /** Its name in the run directory. */
    public static final String FILE = "history.jsonl";

    // The shortest digits on every Java version; Double.toString itself gives them from Java 19 only.
    private static final ObjectMapper JSON = new ObjectMapper(JsonFactory.builder()
            .enable(StreamWriteFeature.USE_FAST_DOUBLE_WRITER)
            .build());

    private final RunDirectory directory;
    private final Clock clock;
    private final ByteArrayOutputStream committed = new ByteArrayOutputStream();
    private final ByteArrayOutputStream pending = new ByteArrayOutputStream();
    private Consumer<List<String>> listener = lines -> {};

    /** A history without events; nothing is written before the first commit. */
    public RunHistory(RunDirectory directory, Clock clock) {
        this.directory = directory;
        this.clock = clock;
    }

    /**
     * Continues a stored history where a checkpoint left it. Of what was published after the checkpoint only failures
     * and recoveries stay: the rest will happen again.
     *
     * @param bytes {@link #committedBytes} at the checkpoint
     */
    public static RunHistory resume(RunDirectory directory, Clock clock, int bytes) throws IOException {
        byte[] stored = directory.exists(FILE) ? directory.read(FILE) : new byte[0];
        if (bytes < 0 || bytes > stored.length || (bytes > 0 && stored[bytes - 1] != '\n')) {
            throw new OutputException(directory.location() + "/" + FILE + " has " + stored.length
                    + " bytes and no line ends at byte " + bytes
                    + ", where the checkpoint left it; restore the file or give --overwrite");
        }
        RunHistory history = new RunHistory(directory, clock);
        history.committed.write(stored, 0, bytes);
        String after = new String(stored, bytes, stored.length - bytes, StandardCharsets.UTF_8);
        for (String line : after.lines().toList()) {
            if (HistoryEvent.outlivesResume(JSON.readTree(line).path("event").asText())) {
                history.committed.writeBytes((line + "\n").getBytes(StandardCharsets.UTF_8));
            }
        }
        return history;
    }

    /** Adds an event to the open segment, with the time of this call. */
    public void append(HistoryEvent event) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("event", event.event());
        line.put("time", clock.instant().toString());
        line.putAll(event.fields());
        try {
            pending.writeBytes(JSON.writeValueAsBytes(line));
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("event '" + event.event() + "' holds a value that JSON cannot say", e);
        }
        pending.write('\n');
    }

    /** Publishes the open segment. When writing fails, the segment stays open and may be committed again. */
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
     * Names who gets every published line, in order and once: those there are now, then those of each commit.
     *
     * @param to must neither throw nor wait
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

    /** Forgets the open segment: it failed and will run again. */
    public void rollback() {
        pending.reset();
    }

    /** Length of what is published: where a checkpoint made now resumes. */
    public int committedBytes() {
        return committed.size();
    }
}
