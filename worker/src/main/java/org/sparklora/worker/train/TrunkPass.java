package org.sparklora.worker.train;

import ai.djl.ndarray.NDManager;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.contract.Sha256;
import org.sparklora.worker.contract.StoredType;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.engine.Variable;
import org.sparklora.worker.head.TaskHead;

/**
 * Computes the trunk activations of a shard for the cache: runs the frozen trunk once for every row, without gradients or
 * dropout. The shard alone determines the batches, so a recomputed partition has the same bits.
 *
 * @param plan a plan whose cache is on
 * @param padTokenId fills the shorter rows; no result depends on it
 */
public record TrunkPass(BaseModel base, TaskHead head, EpochPlan plan, int padTokenId) {

    /**
     * SHA-256, hexadecimal, of everything that determines the trunk activations below a layer.
     *
     * @param source base model and tokens, which never change in a run
     * @param snapshot values of every tensor whose group is not dormant; only those below the layer count
     */
    public static String digest(
            String source, Encoder encoder, int layerIndex, StoredType type, AdapterSnapshot snapshot) {
        String below =
                snapshot.only(name -> encoder.layerIndex(name) < layerIndex).sha256();
        return Sha256.hex(source + "\n" + layerIndex + "\n" + type + "\n" + below);
    }

    /** Receives the activations of each row. */
    public interface Sink {

        /**
         * Takes the activations of one row.
         *
         * @param position position of the row in the shard
         * @param values of the whole batch
         * @param from index of the row's first value
         * @param count number of the row's values: its tokens times H, or H if only the first token goes on
         */
        void put(int position, float[] values, int from, int count);
    }

    /** Number of cached vectors for a row of this many tokens. */
    public int vectors(int tokens) {
        return base.encoder().firstTokenEnters(plan.cache().layerIndex()) ? 1 : tokens;
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
            AdaptedModel model = new AdaptedModel(manager, base, head, plan.freezePlan(), plan.snapshot(), false);
            Tokens tokens = Tokens.of(manager, batch);
            Variable x = model.trunk(plan.cache().layerIndex(), tokens);
            float[] values = Tensors.toFloats(x.to(Precision.FLOAT32).array());
            base.requireUnchanged();
            int hidden = base.encoder().hiddenSize();
            for (int row = 0; row < positions.length; row++) {
                int from = row * vectors(batch.length()) * hidden;
                int count = vectors(shard.length(positions[row])) * hidden;
                sink.put(positions[row], values, from, count);
            }
        }
    }
}
