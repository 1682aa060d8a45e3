package org.sparklora.worker.spark;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.apache.spark.broadcast.Broadcast;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.inference.TextScorer;
import org.sparklora.worker.inference.TrainedModel;

/** Computes the logits of labelled rows with a trained model, shard by shard. */
public final class ScoreShards implements FlatMapFunction<Iterator<Shard>, ShardLogits> {

    private static final long serialVersionUID = 1L;

    private final Broadcast<TrainedModel> model;

    /** Predicts with a trained model. */
    public ScoreShards(Broadcast<TrainedModel> model) {
        this.model = model;
    }

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
        ShardLogits logits = new ShardLogits();
        List<float[]> rows = scorer.logits(shard);
        for (int i = 0; i < shard.size(); i++) {
            logits.add(
                    PredictTask.row(shard.example(i), rows.get(i), model.value().head()));
        }
        return logits;
    }
}
