package org.sparklora.driver.run.history;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The history of a run as one sequence of bytes, in whichever files it lies. A run writes {@code
 * history/NUMBER-POSITION.jsonl}: the fencing number of the process, and where in the history the segment begins. When the
 * run ends, they are joined into {@code history.jsonl}.
 *
 * <p>A segment takes the place of everything from its position on that has a lower number. So a process that resumes at a
 * checkpoint cuts the history by its first segment, in one write, and what an older process still writes is not read.
 */
public final class StoredHistory {

    /** Folder of the segments in the run directory. */
    static final String FOLDER = "history";

    /** Bytes that are read at once. */
    private static final int CHUNK = 1 << 20;

    private static final Pattern SEGMENT = Pattern.compile("(\\d{6})-(\\d{15})\\.jsonl");

    private final RunDirectory directory;

    /** Files by the position of their first byte. Each ends at a line's end. */
    private final NavigableMap<Long, String> files;

    private final long end;

    /**
     * Complete lines of a history.
     *
     * @param end position behind them
     */
    public record Chunk(List<String> lines, long end) {}

    private StoredHistory(RunDirectory directory, NavigableMap<Long, String> files, long end) {
        this.directory = directory;
        this.files = files;
        this.end = end;
    }

    /** Looks for the files of a history. */
    public static StoredHistory of(RunDirectory directory) throws IOException {
        NavigableMap<Long, String> files = new TreeMap<>();
        if (directory.exists(RunHistory.FILE)) {
            files.put(0L, RunHistory.FILE);
        }
        int joined = -1;
        for (String name : directory.list(FOLDER)) {
            Matcher segment = SEGMENT.matcher(name);
            if (!segment.matches()) {
                continue;
            }
            joined = joined < 0 ? Lease.newest(directory).map(Lease::joined).orElse(0) : joined;
            int number = Integer.parseInt(segment.group(1));
            // What history.jsonl has already, or what its writer wrote too late.
            if (number == 0 || number > joined) {
                long position = Long.parseLong(segment.group(2));
                files.tailMap(position, true).clear();
                files.put(position, FOLDER + "/" + name);
            }
        }
        return new StoredHistory(directory, files, Long.MAX_VALUE);
    }

    /** The name of a segment. */
    static String segment(int number, long position) {
        return String.format(Locale.ROOT, "%s/%06d-%015d.jsonl", FOLDER, number, position);
    }

    /** The bytes before a position, which no later event changes. */
    StoredHistory before(long position) {
        return new StoredHistory(directory, files, position);
    }

    /** Whether there is no history. */
    public boolean isEmpty() {
        return files.isEmpty();
    }

    /** Whether a part of the history is not in {@code history.jsonl}. */
    boolean hasSegments() {
        return files.values().stream().anyMatch(name -> !name.equals(RunHistory.FILE));
    }

    /** Whether a line ends before this position, or the history begins there. */
    public boolean isLineEnd(long position) throws IOException {
        if (position <= 0) {
            return position == 0;
        }
        byte[] last = read(position - 1, 1);
        return last.length == 1 && last[0] == '\n';
    }

    /** Reads some lines from a position on; none at the end. */
    public Chunk chunk(long from) throws IOException {
        for (int max = CHUNK; ; max *= 2) {
            byte[] bytes = read(from, max);
            int length = bytes.length;
            while (length > 0 && bytes[length - 1] != '\n') {
                length--;
            }
            // A longer line needs more bytes, unless the file has no more.
            if (length > 0 || bytes.length < max) {
                String text = new String(bytes, 0, length, StandardCharsets.UTF_8);
                return new Chunk(text.lines().toList(), from + length);
            }
        }
    }

    /** Copies the history. */
    void copyTo(OutputStream out) throws IOException {
        long position = 0;
        for (byte[] bytes = read(0, CHUNK); bytes.length > 0; bytes = read(position, CHUNK)) {
            out.write(bytes);
            position += bytes.length;
        }
    }

    /** Reads the whole history. */
    public byte[] readAll() throws IOException {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        copyTo(all);
        return all.toByteArray();
    }

    /** Reads up to {@code max} bytes of one file; none at the end of the history. */
    private byte[] read(long from, int max) throws IOException {
        Map.Entry<Long, String> file = files.floorEntry(from);
        if (file == null) {
            if (!files.isEmpty()) {
                throw gap(from, files.firstEntry().getValue());
            }
            return new byte[0];
        }
        Map.Entry<Long, String> next = files.higherEntry(from);
        int wanted = (int) Math.min(max, Math.max(0, Math.min(end, next == null ? end : next.getKey()) - from));
        byte[] bytes = directory.read(file.getValue(), from - file.getKey(), wanted);
        if (bytes.length < wanted && next != null) {
            throw gap(from + bytes.length, next.getValue());
        }
        return bytes;
    }

    private OutputException gap(long position, String before) {
        return new OutputException(
                "output.damaged",
                directory.location() + "/" + before + " does not continue the history, which ends at byte " + position
                        + "; restore the files from a backup, or use --overwrite");
    }
}
