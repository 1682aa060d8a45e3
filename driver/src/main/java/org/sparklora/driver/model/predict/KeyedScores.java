package org.sparklora.driver.model.predict;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.IntStream;
import org.apache.spark.api.java.JavaRDD;
import org.sparklora.driver.cluster.Metrics;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.inference.RoutedAdapter;
import org.sparklora.worker.inference.RoutedScorer;
import org.sparklora.worker.inference.Scorer;
import org.sparklora.worker.spark.ShardScores;
import org.sparklora.worker.spark.Shared;

/**
 * Scores labelled rows with the adapters of their keys. Rows without an adapter are counted and have no part in the metrics.
 *
 * @param keys of the rows, as {@link org.sparklora.driver.cluster.data.Shards#keys} gives them
 */
public record KeyedScores(
        Shared<KeyedAdapters> adapters, JavaRDD<Map<Long, String>> keys, KeyedModels.Counters counters)
        implements Metrics.RowScores {

    /** Rows whose adapters are in memory at a time. */
    private static final int BLOCK = 1024;

    @Override
    public <T extends ShardScores> JavaRDD<T> of(JavaRDD<Shard> rows, ShardScores.Factory<T> scores) {
        // Without the RDD of the keys, which a task cannot hold.
        Shared<KeyedAdapters> shared = adapters;
        KeyedModels.Counters counted = counters;
        return rows.zipPartitions(keys, (shards, names) -> score(shared.value(), counted, shards, names, scores));
    }

    private static <T extends ShardScores> Iterator<T> score(
            KeyedAdapters all,
            KeyedModels.Counters counters,
            Iterator<Shard> shards,
            Iterator<Map<Long, String>> names,
            ShardScores.Factory<T> scores) {
        List<T> scored = new ArrayList<>();
        try (RoutedScorer scorer = all.open()) {
            while (shards.hasNext()) {
                Shard shard = shards.next();
                Map<Long, String> keys = names.next();
                T own = scores.of(shard.index());
                for (int from = 0; from < shard.size(); from += BLOCK) {
                    int[] positions = IntStream.range(from, Math.min(shard.size(), from + BLOCK))
                            .toArray();
                    Shard block = Shard.of(0, shard.examples(positions));
                    Map<String, Optional<RoutedAdapter>> known = new HashMap<>();
                    Map<Long, Optional<RoutedAdapter>> byRow = new HashMap<>();
                    for (int row = 0; row < block.size(); row++) {
                        long index = block.example(row).key();
                        byRow.put(index, counters.adapter(all, known, keys.get(index)));
                    }
                    Scorer ofBlock = scorer.of((Example row) -> Objects.requireNonNull(byRow.get(row.key())));
                    ofBlock.logits(block, (logits, row) -> own.add(block.example(row), logits));
                }
                scored.add(own);
            }
        }
        return scored.iterator();
    }
}
