package org.sparklora.driver.model.predict;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.Row;
import org.apache.spark.util.LongAccumulator;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.inference.RoutedAdapter;
import org.sparklora.worker.inference.RoutedScorer;
import org.sparklora.worker.inference.Scorer;
import org.sparklora.worker.spark.Shared;

/**
 * The model of a row's key. A key without an adapter of its own has the fallback of the run, and so has a row without a key; without
 * a fallback such rows have no scores.
 *
 * @param key index of the key's column, a text
 */
public record KeyedModels(Shared<KeyedAdapters> adapters, int key, Counters counters) implements RowModels {

    /** Counters of the rows that the fallback computes, and of those that no adapter does. */
    public record Counters(LongAccumulator byFallback, LongAccumulator withoutAdapter) implements Serializable {

        /** New ones, at zero. */
        public static Counters of(SparkContext spark) {
            return new Counters(
                    spark.longAccumulator("rows by fallback"), spark.longAccumulator("rows without adapter"));
        }

        /**
         * The adapter of a row, which is counted.
         *
         * @param own those of other rows
         */
        Optional<RoutedAdapter> adapter(
                KeyedAdapters all, Map<String, Optional<RoutedAdapter>> own, @Nullable String key) {
            boolean known = key != null && all.has(key);
            Optional<RoutedAdapter> found = own.computeIfAbsent(known ? key : "", all::adapter);
            if (found.isEmpty()) {
                withoutAdapter.add(1);
            } else if (!known) {
                byFallback.add(1);
            }
            return found;
        }
    }

    @Override
    public Opened open() {
        KeyedAdapters all = adapters.value();
        RoutedScorer scorer = all.open();
        return new Opened() {

            @Override
            public Scorer of(List<Row> rows) {
                // Within a block a key has one object, also if the cache drops it meanwhile.
                Map<String, Optional<RoutedAdapter>> own = new HashMap<>();
                List<Optional<RoutedAdapter>> byRow = new ArrayList<>(rows.size());
                for (Row row : rows) {
                    byRow.add(counters.adapter(all, own, row.getString(key)));
                }
                return scorer.of(example -> byRow.get(Math.toIntExact(example.key())));
            }

            @Override
            public void close() {
                scorer.close();
            }
        };
    }
}
