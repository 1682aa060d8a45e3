package org.sparklora.driver.run.checkpoint;

import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.driver.run.loop.TrainingCheckpoint;

/**
 * What a run needs to go on.
 *
 * @param point where the run was
 * @param historyBytes length of the published history there
 * @param origin what the numbers come from, name to value for a person: digests of job and base model, number of rows. A
 *     run that goes on must come from the same
 */
public record Checkpoint(TrainingCheckpoint point, int historyBytes, SortedMap<String, String> origin) {

    /** @throws IllegalArgumentException for a history of negative length */
    public Checkpoint {
        origin = Collections.unmodifiableSortedMap(new TreeMap<>(origin));
        if (historyBytes < 0) {
            throw new IllegalArgumentException("a history cannot be " + historyBytes + " bytes long");
        }
    }

    /** Its folder's name. */
    public CheckpointName name() {
        return CheckpointName.of(point);
    }
}
