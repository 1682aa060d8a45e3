package org.sparklora.driver.training;

import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SortedMap;
import org.sparklora.driver.model.keyed.AdapterIndex;
import org.sparklora.driver.model.keyed.KeyEntry;
import org.sparklora.driver.model.keyed.KeyEntry.Outcome;
import org.sparklora.driver.model.keyed.KeyEntry.Packed;

/** Says what became of the keys of a run. */
final class KeyedSummary {

    private KeyedSummary() {}

    static String of(String name, String location, AdapterIndex index, double seconds) {
        return String.format(
                Locale.ROOT,
                "%s: done in %.0f s: %,d keys trained, %,d left out, %,d failed%s%s; adapters in %s/%s%nadapters sha256 %s",
                name,
                seconds,
                count(index, Outcome.TRAINED),
                count(index, Outcome.LEFT_OUT),
                count(index, Outcome.FAILED),
                metric(index, "accuracy").or(() -> metric(index, "loss")).orElse(""),
                index.keys().values().stream()
                        .filter(entry -> entry.outcome() == Outcome.FAILED)
                        .findFirst()
                        .map(entry -> "; the first failure: " + entry.reason())
                        .orElse(""),
                location,
                AdapterIndex.FILE.replaceFirst("/.*", ""),
                index.sha256());
    }

    static long count(AdapterIndex index, Outcome outcome) {
        return index.keys().values().stream()
                .filter(entry -> entry.outcome() == outcome)
                .count();
    }

    /** The mean over the keys that have a metric, each key counting once. */
    private static Optional<String> metric(AdapterIndex index, String metric) {
        OptionalDouble mean = index.keys().values().stream()
                .map(KeyEntry::adapter)
                .flatMap(Optional::stream)
                .map(Packed::validation)
                .filter(validation -> validation.containsKey(metric))
                .mapToDouble((SortedMap<String, Double> validation) -> validation.get(metric))
                .average();
        return mean.isPresent()
                ? Optional.of(String.format(Locale.ROOT, ", mean %s %.4f", metric, mean.getAsDouble()))
                : Optional.empty();
    }
}
