package org.sparklora.driver.run.checkpoint;

import java.io.IOException;
import java.util.OptionalInt;
import java.util.SortedMap;
import org.sparklora.driver.run.history.OutputException;
import org.sparklora.driver.run.history.RunHistory;
import org.sparklora.driver.run.loop.Checkpointer;
import org.sparklora.driver.run.loop.TrainingCheckpoint;

/**
 * Writes a checkpoint before each epoch's validation, at its end, every few steps, and when the cluster ends the run, after
 * publishing the history up to there.
 *
 * @param everySteps steps of the run between two checkpoints; empty: at epochs' ends only
 * @param origin see {@link Checkpoint}
 */
public record RunCheckpointer(
        CheckpointStore store, RunHistory history, OptionalInt everySteps, SortedMap<String, String> origin)
        implements Checkpointer {

    @Override
    public boolean wants(long stepsDone) {
        return everySteps.isPresent() && stepsDone % everySteps.getAsInt() == 0;
    }

    @Override
    public void reached(TrainingCheckpoint point) {
        remember(point).run();
    }

    @Override
    public Runnable remember(TrainingCheckpoint point) {
        long bytes = history.bytes();
        return () -> {
            try {
                history.commit();
                store.write(new Checkpoint(point, store.fencingNumber(), bytes, origin));
            } catch (IOException e) {
                throw OutputException.writing("a checkpoint", e);
            }
        };
    }
}
