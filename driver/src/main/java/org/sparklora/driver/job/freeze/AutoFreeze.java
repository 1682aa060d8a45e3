package org.sparklora.driver.job.freeze;

import java.util.ArrayList;
import java.util.List;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;

/**
 * The policy {@code autofreeze}: groups whose gradient norm has settled freeze, from the bottom group up.
 *
 * <p>Liu, Agarwal and Venkataraman 2021, arXiv:2102.01386. After each evaluation interval T a group's ratio is |Δ(T-1) −
 * Δ(T)| / Δ(T-1), where Δ is its gradient's norm. Going up from the lowest live group, those freeze whose ratio is below a
 * percentile of all live groups' ratios; the first that is not below ends it, so what is frozen is always the lower end. The
 * last live group never freezes.
 *
 * <p>Deviations. An interval is an epoch, where the authors divide the run into 10 or 20. Δ is the mean of the steps' norms,
 * which is what a run's history holds, where theirs is the norm of the interval's accumulated gradient: theirs shrinks also
 * when steps pull in different directions, ours only when each gradient does. A ratio may be averaged over several
 * intervals; theirs is the last one's, which is {@code window} 1. Percentiles are interpolated as theirs (numpy's default).
 *
 * @param groups must all be live at the start: this policy thaws nothing
 * @param percentile above 0, at most 100; the authors': 50
 * @param window epochs whose ratios are averaged, at least 1
 */
public record AutoFreeze(List<String> live, List<String> groups, double percentile, int window)
        implements FreezePolicy {

    /** @throws IllegalArgumentException where percentile is outside (0, 100] or window below 1 epoch */
    public AutoFreeze {
        live = List.copyOf(live);
        groups = List.copyOf(groups);
        if (!(percentile > 0 && percentile <= 100) || window < 1) {
            throw new IllegalArgumentException("autofreeze: percentile=" + percentile
                    + " must be above 0 and at most 100, and window=" + window + " at least 1 epoch");
        }
    }

    @Override
    public boolean needsMetrics() {
        return true;
    }

    @Override
    public FreezeDecision next(FreezeState now, StepPosition at, List<EpochMetrics> seen) {
        DecisionBuilder moves = new DecisionBuilder(now, at);
        // The first ratio is that of epoch 1 to epoch 0.
        if (!at.startsEpoch() || at.epoch() <= window) {
            return moves.decision();
        }
        EpochMetrics.require(seen, at.epoch());
        List<String> open = groups.stream()
                .filter(group -> now.of(group) == GroupState.LIVE)
                .toList();
        if (open.size() < 2) {
            return moves.decision();
        }
        List<EpochMetrics> epochs = seen.subList(at.epoch() - window - 1, at.epoch());
        List<Double> ratios = open.stream().map(group -> ratio(group, epochs)).toList();
        double threshold = percentile(ratios);
        for (int i = open.size() - 1; i > 0 && ratios.get(i) < threshold; i--) {
            String group = open.get(i);
            moves.freeze(
                    group,
                    "autofreeze: gradient norm of '" + group + "' changed by ratio " + ratios.get(i) + " in epochs "
                            + epochs.get(0).epoch() + " to " + (at.epoch() - 1) + ", below " + threshold
                            + ", percentile "
                            + percentile + " of " + open.size() + " live groups; freeze '" + group + "'");
        }
        return moves.decision();
    }

    /** Mean over neighbouring epochs of |Δ(T-1) − Δ(T)| / Δ(T-1). */
    private static double ratio(String group, List<EpochMetrics> epochs) {
        double sum = 0;
        for (int i = 1; i < epochs.size(); i++) {
            double before = epochs.get(i - 1).gradientNorm(group);
            double change = Math.abs(before - epochs.get(i).gradientNorm(group));
            // Two zero norms count as settled, although 0 / 0 is NaN.
            sum += change == 0 ? 0 : change / before;
        }
        return sum / (epochs.size() - 1);
    }

    /** The percentile of these values, linearly interpolated. */
    private double percentile(List<Double> values) {
        List<Double> sorted = values.stream().sorted().toList();
        double position = position(sorted.size());
        double low = sorted.get((int) Math.floor(position));
        double high = sorted.get((int) Math.ceil(position));
        // Equal values may be infinite, and their difference NaN.
        return low == high ? low : low + (high - low) * (position - Math.floor(position));
    }

    /** The position of the percentile among n sorted values, from 0. */
    private double position(int n) {
        return percentile / 100 * (n - 1);
    }

    @Override
    public FreezePolicy atTheEarliest() {
        List<EpochSchedule.Event> freezes = new ArrayList<>();
        long epoch = window + 1L;
        for (int open = groups.size(); open > 1; epoch++) {
            // This many of n different values are below their percentile.
            int left = open - Math.min(open - 1, (int) Math.ceil(position(open)));
            freezes.add(EpochSchedule.Event.freeze(Math.toIntExact(epoch), groups.subList(left, open)));
            open = left;
        }
        return new EpochSchedule(live, freezes);
    }

    /** Nothing ever freezes. */
    @Override
    public FreezePolicy atTheLatest() {
        return new EpochSchedule(live, List.of());
    }

    @Override
    public List<String> problems() {
        return groups.stream()
                .filter(group -> !live.contains(group))
                .map(group -> "schedule.live does not name '" + group
                        + "', one of schedule.groups; autofreeze only freezes, so the group would never train: add it to"
                        + " schedule.live, or remove it from schedule.groups")
                .toList();
    }
}
