package org.sparklora.driver.watch.report;

import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import org.sparklora.driver.watch.report.RunData.Epoch;
import org.sparklora.worker.contract.Phase;

/**
 * What freezing, cache and length buckets saved. Operations and bytes are counted, seconds are estimated.
 *
 * @param steps that were counted
 * @param computed operations of the steps, padding included
 * @param freezing operations saved because not every group was live
 * @param cache operations saved because the activations of the frozen trunk were cached
 * @param buckets operations saved by batching rows of similar length; negative if that cost some
 * @param bytes sent in all-reduces
 */
record Savings(long steps, double computed, double freezing, double cache, double buckets, Bytes bytes) {

    /** Bytes that a rank sent, and would have sent with every group live. */
    record Bytes(double sent, double withoutFreezing) {}

    /** The savings of epochs; empty if the version that trained did not count. */
    static Optional<Savings> of(List<Epoch> epochs) {
        return epochs.stream()
                .map(Epoch::work)
                .filter(work -> work.containsKey("flops"))
                .map(Savings::of)
                .reduce(Savings::plus);
    }

    private static Savings of(SortedMap<String, Double> work) {
        double padding = get(work, "flops_of_padding");
        return new Savings(
                Math.round(get(work, "steps")),
                get(work, "flops") + padding,
                get(work, "flops_without_freezing") - get(work, "flops_without_cache"),
                get(work, "flops_without_cache") - get(work, "flops"),
                get(work, "flops_of_padding_without_buckets") - padding,
                new Bytes(get(work, "all_reduce_bytes"), get(work, "all_reduce_bytes_without_freezing")));
    }

    private static double get(SortedMap<String, Double> values, String key) {
        return values.getOrDefault(key, 0.0);
    }

    private Savings plus(Savings other) {
        return new Savings(
                steps + other.steps,
                computed + other.computed,
                freezing + other.freezing,
                cache + other.cache,
                buckets + other.buckets,
                new Bytes(bytes.sent() + other.bytes.sent(), bytes.withoutFreezing() + other.bytes.withoutFreezing()));
    }

    /** Operations without any saving. */
    double total() {
        return computed + freezing + cache + buckets;
    }

    /** Share of all operations that were skipped. */
    double skippedShare() {
        return 1 - computed / total();
    }

    /**
     * The lowest time per operation of any epoch. Steps that compute little take longer per operation, so other epochs would
     * overestimate the time saved.
     */
    static Optional<Double> secondsPerOperation(List<Epoch> epochs) {
        return epochs.stream()
                .filter(epoch -> get(epoch.work(), "flops") > 0)
                .map(epoch -> computeSeconds(epoch) / of(epoch.work()).computed())
                .filter(rate -> rate > 0 && Double.isFinite(rate))
                .min(Double::compare);
    }

    private static double computeSeconds(Epoch epoch) {
        SortedMap<String, Double> seconds = epoch.seconds();
        return epoch.cacheSeconds()
                + get(seconds, Phase.TRUNK.label())
                + get(seconds, Phase.FORWARD.label())
                + get(seconds, Phase.BACKWARD.label());
    }
}
