package org.sparklora.driver.watch.report;

import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import org.sparklora.worker.contract.Phase;

/**
 * What freezing, cache and length buckets saved: operations and bytes as counted, seconds as an estimate.
 *
 * @param steps that are counted
 * @param computed operations of the steps, padding included
 * @param freezing operations that were not needed because not every group was live
 * @param cache because the frozen prefix was kept
 * @param buckets because rows of like length were padded together; below 0 where they cost some
 * @param bytes that a rank sent in all-reduces, and would have with every group live
 */
record Savings(long steps, double computed, double freezing, double cache, double buckets, Bytes bytes) {

    /** Bytes of all-reduces. */
    record Bytes(double sent, double withoutFreezing) {}

    /** The savings of epochs; empty where the build that trained did not count. */
    static Optional<Savings> of(List<Epoch> epochs) {
        Savings sum = new Savings(0, 0, 0, 0, 0, new Bytes(0, 0));
        boolean counted = false;
        for (Epoch epoch : epochs) {
            if (epoch.work().containsKey("flops")) {
                counted = true;
                sum = sum.plus(of(epoch.work()));
            }
        }
        return counted ? Optional.of(sum) : Optional.empty();
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

    private static double get(SortedMap<String, Double> work, String key) {
        return work.getOrDefault(key, 0.0);
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

    /** Operations without any of it. */
    double whole() {
        return computed + freezing + cache + buckets;
    }

    /**
     * Seconds that an operation takes at best: those of the epoch in which they took least. Steps that compute little take
     * longer an operation, so that with any other epoch's the seconds saved would look more.
     */
    static Optional<Double> secondsPerOperation(List<Epoch> epochs) {
        return epochs.stream()
                .filter(epoch -> epoch.work().getOrDefault("flops", 0.0) > 0)
                .map(epoch -> computing(epoch) / of(epoch.work()).computed())
                .filter(rate -> rate > 0 && Double.isFinite(rate))
                .min(Double::compare);
    }

    private static double computing(Epoch epoch) {
        SortedMap<String, Double> seconds = epoch.seconds();
        return epoch.keepSeconds()
                + seconds.getOrDefault(Phase.TRUNK.label(), 0.0)
                + seconds.getOrDefault(Phase.FORWARD.label(), 0.0)
                + seconds.getOrDefault(Phase.BACKWARD.label(), 0.0);
    }
}
