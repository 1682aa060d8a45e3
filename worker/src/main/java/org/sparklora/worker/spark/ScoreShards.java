package org.sparklora.worker.spark;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.inference.TextScorer;
import org.sparklora.worker.inference.TrainedModel;

/** Scores labelled rows with a trained model, shard by shard. */
public record ScoreShards<T extends ShardScores>(Shared<TrainedModel> model, ShardScores.Factory<T> scores)
        implements FlatMapFunction<Iterator<Shard>, T> {

    @Override
    public Iterator<T> call(Iterator<Shard> shards) {
        List<T> all = new ArrayList<>();
        if (shards.hasNext()) {
            try (TextScorer scorer = TextScorer.open(HostModels.here(model.value()))) {
                shards.forEachRemaining(shard -> {
                    T own = scores.of(shard.index());
                    scorer.logits(shard, (logits, position) -> own.add(shard.example(position), logits));
                    all.add(own);
                });
            }
        }
        return all.iterator();
    }
}
