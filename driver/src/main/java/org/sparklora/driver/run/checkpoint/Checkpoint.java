package org.sparklora.driver.run.checkpoint;

import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.driver.run.loop.TrainingCheckpoint;

/**
 * Everything that a run needs to resume.
 *
 * @param point the state of the run
 * @param fencingNumber part of its name, see {@link CheckpointName}
 * @param historyBytes length of the published history there
 * @param origin identifies job, base model and data by name, for people: digests and the number of rows. A resumed run must
 *     have the same
 */
public record Checkpoint(
        TrainingCheckpoint point, int fencingNumber, long historyBytes, SortedMap<String, String> origin) {

    /** @throws IllegalArgumentException for a history of negative length */
    public Checkpoint {
        origin = Collections.unmodifiableSortedMap(new TreeMap<>(origin));
        if (historyBytes < 0) {
            throw new IllegalArgumentException("a history cannot be " + historyBytes + " bytes long");
        }
    }

    /** Its folder's name. */
    public CheckpointName name() {
        return CheckpointName.of(point, fencingNumber);
    }
}
