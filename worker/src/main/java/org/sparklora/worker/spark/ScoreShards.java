package org.sparklora.worker.spark;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.inference.TextScorer;
import org.sparklora.worker.inference.TrainedModel;

/** Computes the logits of labelled rows with a trained model, shard by shard. */
public record ScoreShards(Shared<TrainedModel> model) implements FlatMapFunction<Iterator<Shard>, ShardLogits> {

    @Override
    public Iterator<ShardLogits> call(Iterator<Shard> shards) {
        List<ShardLogits> all = new ArrayList<>();
        if (shards.hasNext()) {
            try (TextScorer scorer = TextScorer.open(HostModels.here(model.value()))) {
                shards.forEachRemaining(shard -> all.add(logits(scorer, shard)));
            }
        }
        return all.iterator();
    }

    private ShardLogits logits(TextScorer scorer, Shard shard) {
        List<float[]> logits = scorer.logits(shard);
        List<ShardLogits.Row> rows = new ArrayList<>();
        for (int i = 0; i < shard.size(); i++) {
            rows.add(PredictTask.row(
                    shard.example(i), logits.get(i), model.value().head()));
        }
        return new ShardLogits(rows);
    }
}
