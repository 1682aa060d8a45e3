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
import java.util.regex.Pattern;

/**
 * Writes the history of a run: one JSON object per line, {@code "event"} first and {@code "time"} second.
 *
 * <p>Call order: {@link #append} events, then {@link #commit} to publish them; {@link #join} when the run ends. A checkpoint
 * stores {@link #bytes}; a resumed run passes them to {@link #resume}, so each step appears once.
 *
 * <p>A commit writes the last segment of {@link StoredHistory} again, and nothing before it. So time and memory of a commit do
 * not grow with the history, also on object stores, which cannot append.
 *
 * <p>Floats and doubles have the fewest digits that read back to the same value of their type. NaN and infinities, which JSON
 * numbers cannot express, are the strings {@code "NaN"}, {@code "Infinity"} and {@code "-Infinity"}. Thread-safe, because a process that is
 * told to stop joins the history on another thread.
 */
public final class RunHistory {

    /** File name in the run directory, once the run has ended. */
    public static final String FILE = "history.jsonl";

    /** A segment of this size gets no more events. */
    static final int SEGMENT_BYTES = 256 * 1024;

    // Writes the shortest digits on every Java version; Double.toString does so only since Java 19.
    private static final ObjectMapper JSON = new ObjectMapper(JsonFactory.builder()
            .enable(StreamWriteFeature.USE_FAST_DOUBLE_WRITER)
            .build());

    /** Events of the cluster, which do not happen again when a run resumes. */
    private static final Pattern HAPPENED =
            Pattern.compile("\\{\"event\":\"(failure|recovered|waited|executor_lost|slow)\"");

    private final RunDirectory directory;
    private final Clock clock;

    /** Published bytes of the last segment. */
    private final ByteArrayOutputStream segment = new ByteArrayOutputStream();

    private final ByteArrayOutputStream pending = new ByteArrayOutputStream();

    /** Bytes of the history before the last segment. */
    private long start;

    private boolean joined;
    private Consumer<List<String>> listener = lines -> {};

    /** Creates an empty history. The first commit writes a file. */
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
    public static RunHistory resume(RunDirectory directory, Clock clock, long bytes) throws IOException {
        StoredHistory stored = StoredHistory.of(directory);
        if (!stored.isLineEnd(bytes)) {
            throw new OutputException(
                    "output.damaged",
                    directory.location() + "/" + FILE + " has no line that ends at byte " + bytes
                            + ", where the checkpoint expects one; restore the file or use --overwrite");
        }
        RunHistory history = new RunHistory(directory, clock);
        history.start = bytes;
        StoredHistory.Chunk after = stored.chunk(bytes);
        while (!after.lines().isEmpty()) {
            for (String line : after.lines()) {
                if (HAPPENED.matcher(line).lookingAt()) {
                    history.pending.writeBytes((line + "\n").getBytes(StandardCharsets.UTF_8));
                }
            }
            after = stored.chunk(after.end());
        }
        return history;
    }

    /** Adds an event with the current time to those of the next commit. */
    public synchronized void append(HistoryEvent event) {
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

    /** Publishes the events since the last commit. If writing fails, they can be committed again. */
    public synchronized void commit() throws IOException {
        if (pending.size() == 0) {
            return;
        }
        if (joined) {
            throw new IllegalStateException("the history has ended");
        }
        if (segment.size() >= SEGMENT_BYTES) {
            start += segment.size();
            segment.reset();
        }
        ByteArrayOutputStream all = new ByteArrayOutputStream(segment.size() + pending.size());
        segment.writeTo(all);
        pending.writeTo(all);
        directory.write(StoredHistory.segment(directory.fencingNumber(), start), all.toByteArray());
        pending.writeTo(segment);
        List<String> published =
                pending.toString(StandardCharsets.UTF_8).lines().toList();
        pending.reset();
        listener.accept(published);
    }

    /** Joins all segments into {@code history.jsonl}. Later commits are refused. */
    public synchronized void join() throws IOException {
        StoredHistory stored = StoredHistory.of(directory);
        if (stored.hasSegments()) {
            directory.write(FILE, stored::copyTo);
            directory.delete(StoredHistory.FOLDER);
        }
        joined = true;
    }

    /**
     * Sets the listener that receives every further line when it is published, in order.
     *
     * @param to must neither throw nor block
     */
    public synchronized void listen(Consumer<List<String>> to) {
        listener = to;
    }

    /** What is published now. */
    public synchronized StoredHistory published() throws IOException {
        return StoredHistory.of(directory).before(committedBytes());
    }

    /** Number of published bytes. */
    public synchronized long committedBytes() {
        return start + segment.size();
    }

    /** Number of bytes with those to commit, from which a checkpoint of this moment resumes once all is published. */
    public synchronized long bytes() {
        return committedBytes() + pending.size();
    }
}
