package org.sparklora.driver.run.checkpoint;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.run.loop.TrainingCheckpoint;

/**
 * The checkpoints of a run directory: the newest three and that of the best epoch. One before a validation is deleted after
 * that of the validated epoch is written, which has the same state.
 *
 * <p>It writes whole files only, first the parts and then the marker. If the process dies while it writes or deletes a
 * folder, the folder has no marker.
 */
public record CheckpointStore(RunDirectory directory) {

    /** The folder in the run directory. */
    public static final String FOLDER = "checkpoints";

    private static final int MAX_CHECKPOINTS = 3;

    /** The fencing number in the names of new checkpoints; 0 where names need none. */
    int fencingNumber() throws IOException {
        int number = directory.createsAtomically() ? 0 : directory.fencingNumber();
        return number == 1 ? 0 : number;
    }

    /** Writes a checkpoint, then deletes old ones. */
    public void write(Checkpoint checkpoint) throws IOException {
        CheckpointName name = checkpoint.name();
        // An old marker must never stand beside new parts, so an older folder of this name goes first.
        delete(name);
        SortedMap<String, byte[]> parts = CheckpointParts.encode(checkpoint);
        for (Map.Entry<String, byte[]> part : parts.entrySet()) {
            directory.write(file(name, part.getKey()), part.getValue());
        }
        directory.write(
                file(name, CheckpointMarker.FILE), CheckpointMarker.of(parts).toJson());
        deleteOld(name, checkpoint.point());
    }

    private void deleteOld(CheckpointName newest, TrainingCheckpoint point) throws IOException {
        int best = point.earlier().best().map(result -> result.epoch() + 1).orElse(-1);
        int complete = 0;
        for (CheckpointName name : names().headSet(newest, true).descendingSet()) {
            // A folder without a marker is not a checkpoint and does not count.
            boolean superseded = name.isAt(newest.epochsDone() - 1, point.stepsDone());
            if (!superseded && complete < MAX_CHECKPOINTS && directory.exists(file(name, CheckpointMarker.FILE))) {
                complete++;
            } else if (!name.isAt(best, 0)) {
                delete(name);
            }
        }
    }

    /**
     * Reads the newest complete checkpoint and warns of each newer one that is damaged.
     *
     * @return empty if there is none, or only a first one whose writing was interrupted
     * @throws CheckpointException if there are checkpoints and none of them can be used
     */
    public Optional<Checkpoint> newest(Consumer<String> warnings) throws IOException {
        List<String> wrong = new ArrayList<>();
        NavigableSet<CheckpointName> names = names();
        for (CheckpointName name : names.descendingSet()) {
            try {
                Checkpoint checkpoint = read(name);
                wrong.forEach(line -> warnings.accept(line + "; resuming from " + FOLDER + "/" + name));
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
                    + ", is incomplete; the run starts from the beginning");
            return Optional.empty();
        }
        throw new CheckpointException(directory.location() + ": no checkpoint can be used; restore one from a copy, or"
                + " train afresh with --overwrite. " + String.join("; ", wrong));
    }

    /**
     * Deletes every checkpoint after the given one, or all. A run that resumes there truncates the history and writes them
     * again.
     */
    public void deleteAfter(Optional<Checkpoint> last) throws IOException {
        for (CheckpointName name : names()) {
            if (last.isEmpty() || name.compareTo(last.get().name()) > 0) {
                delete(name);
            }
        }
    }

    private Checkpoint read(CheckpointName name) throws IOException {
        if (!directory.exists(file(name, CheckpointMarker.FILE))) {
            throw new IllegalArgumentException(
                    "it has no " + CheckpointMarker.FILE + ", so its writing was interrupted");
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
        Checkpoint checkpoint = CheckpointParts.decode(parts, name.fencingNumber());
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
}
