package org.sparklora.worker.train;

import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.data.TrunkActivations;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.head.TaskHead;

/** What {@link TrunkPass} computes of some rows, in plain arrays. */
public final class StoredStates implements TrunkActivations {

    private final String digest;
    private final float[][] rows;

    private StoredStates(String digest, float[][] rows) {
        this.digest = digest;
        this.rows = rows;
    }

    @Override
    public String digest() {
        return digest;
    }

    @Override
    public void copy(int row, FloatBuffer target) {
        target.put(rows[row]);
    }

    /** A batch of these rows that takes from a pass what enters the stage of the plan's cache. */
    public static Batch batch(BaseModel base, TaskHead head, EpochPlan plan, List<Example> examples) {
        return batch(base, head, plan, examples, 0);
    }

    /** The same with another padding token. */
    public static Batch batch(BaseModel base, TaskHead head, EpochPlan plan, List<Example> examples, int padTokenId) {
        float[][] rows = new float[examples.size()][];
        new TrunkPass(base, head, plan, padTokenId)
                .run(
                        Shard.of(0, examples),
                        (position, values, from, count) ->
                                rows[position] = Arrays.copyOfRange(values, from, from + count));
        return Batch.of(examples, padTokenId, new StoredStates(plan.cache().digest(), rows));
    }
}
