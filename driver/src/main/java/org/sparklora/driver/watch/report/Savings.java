package org.sparklora.driver.watch.report;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.sparklora.driver.watch.report.RunData.Epoch;
import org.sparklora.worker.contract.Phase;

/**
 * What freezing, cache and length buckets saved. Operations and bytes are counted, seconds are estimated.
 *
 * @param work counts by name, added up over epochs
 */
record Savings(SortedMap<String, Double> work) {

    /** The savings of epochs; empty if the version that trained did not count. */
    static Optional<Savings> of(List<Epoch> epochs) {
        SortedMap<String, Double> sum = new TreeMap<>();
        epochs.stream()
                .map(Epoch::work)
                .filter(work -> work.containsKey("flops"))
                .forEach(work -> work.forEach((name, count) -> sum.merge(name, count, Double::sum)));
        return sum.isEmpty() ? Optional.empty() : Optional.of(new Savings(sum));
    }

    private double get(String name) {
        return work.getOrDefault(name, 0.0);
    }

    /** Steps that were counted. */
    long steps() {
        return Math.round(get("steps"));
    }

    /** Operations of the steps, padding included. */
    double computed() {
        return get("flops") + get("flops_of_padding");
    }

    /**
     * Operations saved because not every group was live, because the activations of the frozen trunk were cached, and by
     * batching rows of similar length, which is negative if it cost some.
     */
    Map<String, Double> byReason() {
        Map<String, Double> saved = new LinkedHashMap<>();
        saved.put("freezing", get("flops_without_freezing") - get("flops_without_cache"));
        saved.put("cache", get("flops_without_cache") - get("flops"));
        saved.put("buckets", get("flops_of_padding_without_buckets") - get("flops_of_padding"));
        return saved;
    }

    /** Bytes that a rank sent in all-reduces. */
    double bytesSent() {
        return get("all_reduce_bytes");
    }

    /** Bytes that a rank would have sent with every group live. */
    double bytesWithoutFreezing() {
        return get("all_reduce_bytes_without_freezing");
    }

    /** Operations without any saving. */
    double total() {
        return computed()
                + byReason().values().stream().mapToDouble(Double::doubleValue).sum();
    }

    /** Share of all operations that were skipped. */
    double skippedShare() {
        return 1 - computed() / total();
    }

    /**
     * The lowest time per operation of any epoch. Steps that compute little take longer per operation, so other epochs would
     * overestimate the time saved.
     */
    static Optional<Double> secondsPerOperation(List<Epoch> epochs) {
        return epochs.stream()
                .filter(epoch -> epoch.work().getOrDefault("flops", 0.0) > 0)
                .map(epoch -> computeSeconds(epoch) / new Savings(epoch.work()).computed())
                .filter(rate -> rate > 0 && Double.isFinite(rate))
                .min(Double::compare);
    }

    private static double computeSeconds(Epoch epoch) {
        return Stream.of(Phase.TRUNK, Phase.FORWARD, Phase.BACKWARD)
                .mapToDouble(phase -> epoch.seconds().getOrDefault(phase.label(), 0.0))
                .reduce(epoch.cacheSeconds(), Double::sum);
    }
}
