package org.sparklora.worker.spark;

import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.head.TaskHead;
import org.sparklora.worker.train.AdaptedModel;

/** Computes the logits of every row of a task's shards with an epoch's adapter. Rows come in the order of their lengths. */
public record PredictTask(Shared<EpochContext> context) implements FlatMapFunction<Iterator<CachedShard>, ShardLogits> {

    @Override
    public Iterator<ShardLogits> call(Iterator<CachedShard> shards) {
        List<ShardLogits> all = new ArrayList<>();
        while (shards.hasNext()) {
            all.add(logits(context.value(), shards.next()));
        }
        return all.iterator();
    }

    private static ShardLogits logits(EpochContext epoch, CachedShard shard) {
        List<ShardLogits.Row> rows = new ArrayList<>();
        for (int[] positions : shard.rows().batchesByLength()) {
            Batch batch = epoch.batch(shard, positions);
            float[] all = forward(epoch, batch);
            int ofRow = all.length / positions.length;
            for (int i = 0; i < positions.length; i++) {
                Example row = shard.rows().example(positions[i]);
                float[] own = Arrays.copyOfRange(all, i * ofRow, (i + 1) * ofRow);
                rows.add(row(row, own, epoch.run().head()));
            }
        }
        return new ShardLogits(rows);
    }

    /** Returns a row with its logits. If the head reads every token, the result has only the labelled tokens. */
    static ShardLogits.Row row(Example row, float[] logits, TaskHead head) {
        return head.headInput() == HeadInput.EVERY_TOKEN
                ? labelled(row, logits, head.outputs())
                : new ShardLogits.Row(row.key(), row.labels(), logits);
    }

    /** Selects the tokens of a row that have a label. */
    private static ShardLogits.Row labelled(Example row, float[] logits, int outputs) {
        int[] tokens = IntStream.range(0, row.length())
                .filter(token -> row.labels()[token] != Example.IGNORED)
                .toArray();
        float[] labels = new float[tokens.length];
        float[] own = new float[tokens.length * outputs];
        for (int i = 0; i < tokens.length; i++) {
            labels[i] = row.labels()[tokens[i]];
            System.arraycopy(logits, tokens[i] * outputs, own, i * outputs, outputs);
        }
        return new ShardLogits.Row(row.key(), labels, own);
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
