package org.sparklora.worker.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.ForwardPass;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.head.TaskHead;
import org.sparklora.worker.train.AdaptedModel.GroupView;

/**
 * What enters the stage that a plan's cache names, for every row of a shard: the frozen prefix, run once, without
 * gradients or dropout, in batches that the shard alone decides.
 */
public final class TrunkPass {

    private final BaseModel base;
    private final TaskHead head;
    private final EpochPlan plan;
    private final int padTokenId;

    /**
     * A pass with the frozen adapters of a plan whose cache is on.
     *
     * @param padTokenId what fills rows up, which no result reads
     */
    public TrunkPass(BaseModel base, TaskHead head, EpochPlan plan, int padTokenId) {
        this.base = base;
        this.head = head;
        this.plan = plan;
        this.padTokenId = padTokenId;
    }

    /** Takes what was computed. */
    public interface Sink {

        /**
         * One row's vectors.
         *
         * @param position the row's in the shard
         * @param values of the whole batch
         * @param from index of the row's first value
         * @param count number of its values: its tokens times H, or H where the first alone goes on
         */
        void put(int position, float[] values, int from, int count);
    }

    /** Vectors that are kept of a row of this many tokens. */
    public int vectors(int tokens) {
        return base.encoder().firstTokenEnters(plan.cache().stage()) ? 1 : tokens;
    }

    /** Runs every row of a shard. */
    public void run(Shard shard, Sink sink) {
        for (int[] positions : shard.batchesByLength()) {
            run(shard, positions, sink);
        }
    }

    private void run(Shard shard, int[] positions, Sink sink) {
        Torch.prepareThread();
        Batch batch = Batch.of(shard.examples(positions), padTokenId);
        try (NDManager manager = Torch.newManager()) {
            GroupView groups = new GroupView(plan.manifest(), plan.freeze());
            AdaptedModel model = new AdaptedModel(manager, base, head, groups, plan.snapshot(), false);
            Tokens tokens = Tokens.of(manager, batch);
            NDArray x = model.stages(0, plan.cache().stage(), ForwardPass.evaluation(model), tokens.ids(), tokens);
            float[] values = Tensors.toFloats(x);
            int hidden = base.encoder().hiddenSize();
            for (int row = 0; row < positions.length; row++) {
                int from = row * vectors(batch.length()) * hidden;
                int count = vectors(shard.example(positions[row]).length()) * hidden;
                sink.put(positions[row], values, from, count);
            }
        }
    }
}
