package org.sparklora.worker.spark;

import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.apache.spark.broadcast.Broadcast;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.train.AdaptedModel;
import org.sparklora.worker.train.AdaptedModel.GroupView;

/** Logits of every row of a task's shards; each comes with its key, for the order is that of lengths. */
public final class PredictTask implements FlatMapFunction<Iterator<CachedShard>, ShardLogits> {

    private static final long serialVersionUID = 1L;

    private final Broadcast<EpochContext> context;

    public PredictTask(Broadcast<EpochContext> context) {
        this.context = context;
    }

    @Override
    public Iterator<ShardLogits> call(Iterator<CachedShard> shards) {
        List<ShardLogits> all = new ArrayList<>();
        while (shards.hasNext()) {
            all.add(logits(context.value(), shards.next()));
        }
        return all.iterator();
    }

    private static ShardLogits logits(EpochContext epoch, CachedShard shard) {
        List<Example> rows = new ArrayList<>();
        float[] logits = new float[shard.rows().size() * epoch.run().head().outputs()];
        int filled = 0;
        for (int[] positions : shard.rows().batchesByLength()) {
            float[] part = forward(epoch, epoch.batch(shard, positions));
            System.arraycopy(part, 0, logits, filled, part.length);
            filled += part.length;
            rows.addAll(shard.rows().examples(positions));
        }
        return new ShardLogits(rows, logits);
    }

    private static float[] forward(EpochContext epoch, Batch batch) {
        Torch.prepareThread();
        EpochPlan plan = epoch.plan();
        try (NDManager manager = Torch.newManager()) {
            AdaptedModel model = new AdaptedModel(
                    manager,
                    epoch.base(),
                    epoch.run().head(),
                    new GroupView(plan.manifest(), plan.freeze()),
                    plan.snapshot(),
                    false);
            return Tensors.toFloats(model.logits(batch, Tokens.of(manager, batch), plan.cache()));
        }
    }
}
