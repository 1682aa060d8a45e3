package org.sparklora.driver.job.config;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.worker.contract.OptimizerStateOnThaw;

/** Reads the keys of {@code schedule} that belong to its policy; those of other policies are problems. */
final class PolicyReader {

    private static final Range AT_LEAST_ONE = new Range("a number of at least 1", x -> x >= 1);
    private static final Range PERCENTILE = new Range("a number above 0 and at most 100", x -> x > 0 && x <= 100);

    /** Whose each key is. */
    private static final Map<String, Policy> OWNERS = new LinkedHashMap<>();

    static {
        List.of("every", "learning_rate_decay").forEach(key -> OWNERS.put(key, Policy.GRADUAL));
        List.of("metric", "min_delta", "patience", "min_epochs", "max_epochs", "restore_best")
                .forEach(key -> OWNERS.put(key, Policy.PLATEAU));
        List.of("sample", "period", "weights", "optimizer_state").forEach(key -> OWNERS.put(key, Policy.LISA));
        List.of("percentile", "window").forEach(key -> OWNERS.put(key, Policy.AUTOFREEZE));
    }

    private final YamlSection s;
    private final List<String> metrics;

    /** @param metrics what validation will tell of this job; empty without validation data */
    PolicyReader(YamlSection schedule, List<String> metrics) {
        this.s = schedule;
        this.metrics = metrics;
    }

    /** @param groups how many groups the policy acts on */
    PolicyConfig read(Policy policy, int groups) {
        OWNERS.forEach((key, owner) -> {
            if (owner != policy && s.has(key)) {
                refuse(s, key, policy, YamlSection.word(owner));
            }
        });
        return switch (policy) {
            case EPOCHS -> new PolicyConfig.Epochs();
            case GRADUAL ->
                new PolicyConfig.Gradual(s.whole("every", 1, 1), s.number("learning_rate_decay", 2.6, AT_LEAST_ONE));
            case PLATEAU -> plateau();
            case LISA ->
                new PolicyConfig.Lisa(
                        // A single group alone shall not refuse a job.
                        s.whole("sample", Math.max(1, Math.min(2, groups)), 1),
                        s.whole("period", 20, 1),
                        weights(),
                        s.choice("optimizer_state", OptimizerStateOnThaw.FRESH));
            case AUTOFREEZE ->
                new PolicyConfig.Autofreeze(s.number("percentile", 50, PERCENTILE), s.whole("window", 1, 1));
        };
    }

    /** Notes a key that does not go with the policy. */
    static void refuse(YamlSection s, String key, Policy policy, String takers) {
        s.problem(
                key,
                "does not go with policy " + YamlSection.word(policy) + ", only with " + takers
                        + "; remove it, or change schedule.policy");
    }

    private PolicyConfig plateau() {
        String metric = s.text("metric").orElse("loss");
        if (metrics.isEmpty()) {
            s.problem("policy='plateau'", "needs data.validation to tell when a metric has stopped improving");
        } else if (!metrics.contains(metric)) {
            s.mismatch("metric", "'" + metric + "'", "one of " + String.join(", ", metrics));
        }
        return new PolicyConfig.Plateau(
                metric,
                s.number("min_delta", 0, Range.NOT_NEGATIVE),
                s.whole("patience", 3, 1),
                s.whole("min_epochs", 1, 1),
                s.whole("max_epochs", 1),
                s.flag("restore_best", true));
    }

    private SortedMap<String, Double> weights() {
        SortedMap<String, Double> weights = new TreeMap<>();
        YamlSection section = s.section("weights");
        section.keys()
                .forEach(
                        group -> section.number(group, Range.POSITIVE).ifPresent(weight -> weights.put(group, weight)));
        return weights;
    }
}
