package org.sparklora.worker.spark;

import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.apache.spark.broadcast.Broadcast;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.train.AdaptedModel;
import org.sparklora.worker.train.AdaptedModel.GroupView;

/** Logits of every row of a task's shards; each comes with its key, for the order is that of lengths. */
public final class PredictTask implements FlatMapFunction<Iterator<Shard>, ShardLogits> {

    private static final long serialVersionUID = 1L;

    /** Rows of one forward pass. A constant, because padding changes rounding and metrics must not depend on it. */
    private static final int BATCH = 32;

    private final Broadcast<EpochContext> context;

    public PredictTask(Broadcast<EpochContext> context) {
        this.context = context;
    }

    @Override
    public Iterator<ShardLogits> call(Iterator<Shard> shards) {
        List<ShardLogits> all = new ArrayList<>();
        while (shards.hasNext()) {
            all.add(logits(context.value(), shards.next()));
        }
        return all.iterator();
    }

    private static ShardLogits logits(EpochContext epoch, Shard shard) {
        List<Example> rows = new ArrayList<>();
        float[] logits = new float[shard.size() * epoch.run().head().outputs()];
        int filled = 0;
        for (List<Example> batch : shard.batchesByLength(BATCH)) {
            float[] part = forward(epoch, batch);
            System.arraycopy(part, 0, logits, filled, part.length);
            filled += part.length;
            rows.addAll(batch);
        }
        return new ShardLogits(rows, logits);
    }

    private static float[] forward(EpochContext epoch, List<Example> examples) {
        Torch.prepareThread();
        Batch batch = Batch.of(examples, epoch.run().padTokenId());
        try (NDManager manager = Torch.newManager()) {
            AdaptedModel model = new AdaptedModel(
                    manager,
                    epoch.base(),
                    epoch.run().head(),
                    new GroupView(epoch.plan().manifest(), epoch.plan().freeze()),
                    epoch.plan().snapshot(),
                    false);
            Tokens tokens =
                    Tokens.of(manager, batch.rows(), batch.inputIds(), batch.tokenTypeIds(), batch.attentionMask());
            return Tensors.toFloats(model.logits(tokens));
        }
    }
}
