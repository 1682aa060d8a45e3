package org.sparklora.driver.run.checkpoint;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.NavigableSet;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.sparklora.driver.run.history.RunDirectory;

/**
 * The checkpoints of a run directory. Keeps the newest three and that of the best epoch.
 *
 * <p>Asks of the run directory no more than whole files: parts first, then the marker. A folder that was being written
 * or deleted when the process died has no marker.
 */
public final class CheckpointStore {

    /** The folder in the run directory. */
    public static final String FOLDER = "checkpoints";

    private static final int KEPT = 3;

    private final RunDirectory directory;

    /** The checkpoints of a run directory. */
    public CheckpointStore(RunDirectory directory) {
        this.directory = directory;
    }

    /** Writes a checkpoint, then deletes what is too old. */
    public void write(Checkpoint checkpoint) throws IOException {
        CheckpointName name = checkpoint.name();
        // Never new parts under an old marker: what lies here from before goes first, marker ahead.
        delete(name);
        SortedMap<String, byte[]> parts = CheckpointParts.encode(checkpoint);
        for (String part : parts.keySet()) {
            directory.write(file(name, part), require(parts, part));
        }
        directory.write(
                file(name, CheckpointMarker.FILE), CheckpointMarker.of(parts).toJson());
        deleteOld(name, checkpoint.point().memory().best().map(best -> new CheckpointName(best.epoch() + 1, 0)));
    }

    private void deleteOld(CheckpointName newest, Optional<CheckpointName> best) throws IOException {
        Set<CheckpointName> keep = new HashSet<>();
        best.ifPresent(keep::add);
        int kept = 0;
        for (CheckpointName name : names().headSet(newest, true).descendingSet()) {
            // A folder without a marker is no checkpoint and does not count as one of three.
            if (kept < KEPT && directory.exists(file(name, CheckpointMarker.FILE))) {
                kept++;
            } else if (!keep.contains(name)) {
                delete(name);
            }
        }
    }

    /**
     * The newest checkpoint that is whole. For each newer one that is not, a warning says what is wrong with it.
     *
     * @return empty when there is none at all, or only a first one whose writing was interrupted: then no other existed
     * @throws CheckpointException when there are checkpoints and none of them can be used
     */
    public Optional<Checkpoint> newest(Consumer<String> warnings) throws IOException {
        List<String> wrong = new ArrayList<>();
        NavigableSet<CheckpointName> names = names();
        for (CheckpointName name : names.descendingSet()) {
            try {
                Checkpoint checkpoint = read(name);
                wrong.forEach(line -> warnings.accept(line + "; going on from " + FOLDER + "/" + name));
                return Optional.of(checkpoint);
            } catch (IllegalArgumentException | IOException e) {
                wrong.add("checkpoint " + FOLDER + "/" + name + " cannot be used: " + e.getMessage());
            }
        }
        if (names.isEmpty()) {
            return Optional.empty();
        }
        if (names.size() == 1 && !directory.exists(file(names.first(), CheckpointMarker.FILE))) {
            warnings.accept("the first checkpoint, " + FOLDER + "/" + names.first()
                    + ", was never completed; starting from the beginning");
            return Optional.empty();
        }
        throw new CheckpointException(directory.location() + ": no checkpoint can be used; restore one from a copy, or"
                + " train afresh with --overwrite. " + String.join("; ", wrong));
    }

    /**
     * Deletes every checkpoint after a point, or all: a run that goes on from there writes them anew, and their place in
     * the history is gone.
     */
    public void deleteAfter(Optional<Checkpoint> point) throws IOException {
        for (CheckpointName name : names()) {
            if (point.isEmpty() || name.compareTo(point.get().name()) > 0) {
                delete(name);
            }
        }
    }

    private Checkpoint read(CheckpointName name) throws IOException {
        if (!directory.exists(file(name, CheckpointMarker.FILE))) {
            throw new IllegalArgumentException("it has no " + CheckpointMarker.FILE + ": its writing was interrupted");
        }
        CheckpointMarker marker = CheckpointMarker.parse(directory.read(file(name, CheckpointMarker.FILE)));
        SortedMap<String, byte[]> parts = new TreeMap<>();
        for (String part : marker.parts().keySet()) {
            if (part.contains("/") || !directory.exists(file(name, part))) {
                throw new IllegalArgumentException("its part " + part + " is missing");
            }
            byte[] content = directory.read(file(name, part));
            marker.require(part, content);
            parts.put(part, content);
        }
        Checkpoint checkpoint = CheckpointParts.decode(parts);
        if (!checkpoint.name().equals(name)) {
            throw new IllegalArgumentException("it holds " + checkpoint.name());
        }
        return checkpoint;
    }

    private NavigableSet<CheckpointName> names() throws IOException {
        NavigableSet<CheckpointName> names = new TreeSet<>();
        for (String folder : directory.list(FOLDER)) {
            CheckpointName.parse(folder).ifPresent(names::add);
        }
        return names;
    }

    private void delete(CheckpointName name) throws IOException {
        directory.delete(file(name, CheckpointMarker.FILE));
        directory.delete(FOLDER + "/" + name);
    }

    private static String file(CheckpointName name, String part) {
        return FOLDER + "/" + name + "/" + part;
    }

    private static byte[] require(SortedMap<String, byte[]> parts, String name) {
        return Objects.requireNonNull(parts.get(name));
    }
}
