package org.sparklora.driver.job.freeze;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.sparklora.driver.job.freeze.Replay.Decided;
import org.sparklora.worker.contract.FreezeState;

/** Histories as runs record them, and what a policy makes of them. */
final class Histories {

    private Histories() {}

    /** Epochs with one validation metric. */
    static List<EpochMetrics> of(String metric, double... values) {
        List<EpochMetrics> epochs = new ArrayList<>();
        for (double value : values) {
            epochs.add(new EpochMetrics(epochs.size(), 0.5, new TreeMap<>(Map.of(metric, value)), new TreeMap<>()));
        }
        return epochs;
    }

    /** Epochs with the gradient norms of groups. */
    static List<EpochMetrics> norms(List<Map<String, Double>> norms) {
        List<EpochMetrics> epochs = new ArrayList<>();
        for (Map<String, Double> ofEpoch : norms) {
            epochs.add(new EpochMetrics(epochs.size(), 0.5, new TreeMap<>(), new TreeMap<>(ofEpoch)));
        }
        return epochs;
    }

    /** What changes when, e.g. {@code epoch 2: middle live}. */
    static List<String> moves(
            FreezePolicy policy, FreezeState initial, List<EpochMetrics> seen, int epochs, int steps) {
        List<String> moves = new ArrayList<>();
        for (Decided decided : new Replay(policy, steps).decisions(initial, seen, epochs)) {
            FreezeDecision decision = decided.decision();
            decision.restoreEpoch().ifPresent(epoch -> moves.add(decided.at() + ": restore " + epoch));
            decision.transitions().forEach(t -> moves.add(decided.at() + ": " + t.group() + " " + t.to().label()));
            decision.stop().ifPresent(reason -> moves.add(decided.at() + ": stop"));
        }
        return moves;
    }
}
