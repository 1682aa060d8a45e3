package org.sparklora.worker.spark;

import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.stream.IntStream;
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

/** Logits of every row of a task's shards, in the rows' own order. */
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
        // Rows of like length go together, so that little is padded; ties keep their order.
        int[] byLength = IntStream.range(0, shard.size())
                .boxed()
                .sorted(Comparator.comparingInt(i -> shard.example(i).length()))
                .mapToInt(Integer::intValue)
                .toArray();
        int columns = epoch.run().head().outputs();
        float[] logits = new float[shard.size() * columns];
        for (int from = 0; from < byLength.length; from += BATCH) {
            int[] rows = Arrays.copyOfRange(byLength, from, Math.min(byLength.length, from + BATCH));
            float[] part =
                    forward(epoch, Arrays.stream(rows).mapToObj(shard::example).toList());
            for (int i = 0; i < rows.length; i++) {
                System.arraycopy(part, i * columns, logits, rows[i] * columns, columns);
            }
        }
        return new ShardLogits(shard, logits);
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
