package org.sparklora.worker.spark;

import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.train.AdaptedModel;

/** Computes the logits of every row of a task's shards with an epoch's adapter, and scores them in the order of their lengths. */
public record PredictTask<T extends ShardScores>(Shared<EpochContext> context, ShardScores.Factory<T> scores)
        implements FlatMapFunction<Iterator<CachedShard>, T> {

    @Override
    public Iterator<T> call(Iterator<CachedShard> shards) {
        List<T> all = new ArrayList<>();
        while (shards.hasNext()) {
            all.add(score(context.value(), shards.next(), scores));
        }
        return all.iterator();
    }

    /** Scores one shard. */
    static <T extends ShardScores> T score(EpochContext epoch, CachedShard shard, ShardScores.Factory<T> scores) {
        T own = scores.of(shard.index());
        for (int[] positions : shard.rows().batchesByLength()) {
            float[] logits = forward(epoch, epoch.batch(shard, positions));
            int ofRow = logits.length / positions.length;
            for (int i = 0; i < positions.length; i++) {
                own.add(shard.rows().example(positions[i]), Arrays.copyOfRange(logits, i * ofRow, (i + 1) * ofRow));
            }
        }
        return own;
    }

    private static float[] forward(EpochContext epoch, Batch batch) {
        Torch.prepareThread();
        EpochPlan plan = epoch.plan();
        try (NDManager manager = Torch.newManager()) {
            AdaptedModel model = new AdaptedModel(
                    manager, epoch.base(), epoch.run().head(), plan.freezePlan(), plan.snapshot(), false);
            float[] logits = Tensors.toFloats(model.logits(batch, Tokens.of(manager, batch), plan.cache()));
            epoch.base().requireUnchanged();
            return logits;
        }
    }
}
