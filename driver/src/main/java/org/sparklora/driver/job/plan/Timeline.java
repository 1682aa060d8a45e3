package org.sparklora.driver.job.plan;

import java.util.ArrayList;
import java.util.List;
import org.sparklora.driver.job.freeze.FreezePolicy;
import org.sparklora.driver.job.freeze.Replay;
import org.sparklora.driver.job.freeze.StepPosition;
import org.sparklora.driver.job.freeze.Transition;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;

/**
 * Which groups are live when.
 *
 * @param kind whether this is what will happen, or a bound of it
 * @param stretches in order, without a gap, from the run's first step to its last; none spans two epochs
 */
public record Timeline(Kind kind, List<Stretch> stretches) {

    /** How a timeline relates to the run. */
    public enum Kind {
        /** What will happen. */
        EXACT("exact"),
        /** Every move as early as the metrics may bring it. */
        EARLIEST("earliest"),
        /** Every move as late as the metrics may bring it; one that may never come does not. */
        LATEST("latest");

        private final String label;

        Kind(String label) {
            this.label = label;
        }

        /** The name in JSON. */
        public String label() {
            return label;
        }
    }

    /**
     * Steps of one epoch between which no group moves.
     *
     * @param from its first step
     * @param steps how many, at least 1
     * @param moves what brought the state about, before the first step
     */
    public record Stretch(StepPosition from, int steps, FreezeState state, List<Transition> moves) {

        public Stretch {
            moves = List.copyOf(moves);
        }
    }

    /** Steps in a row for which a group is live, from a thaw, or the start, to a freeze, or the end. */
    public record Span(StepPosition from, long steps) {}

    public Timeline {
        stretches = List.copyOf(stretches);
    }

    /**
     * The timelines of a policy: one where it needs no metric, else the two that bound it.
     *
     * @param initial the state before the first epoch
     */
    public static List<Timeline> of(FreezePolicy policy, FreezeState initial, int epochs, int stepsPerEpoch) {
        if (!policy.needsMetrics()) {
            return List.of(of(Kind.EXACT, policy, initial, epochs, stepsPerEpoch));
        }
        return List.of(
                of(Kind.EARLIEST, policy.atTheEarliest(), initial, epochs, stepsPerEpoch),
                of(Kind.LATEST, policy.atTheLatest(), initial, epochs, stepsPerEpoch));
    }

    private static Timeline of(Kind kind, FreezePolicy policy, FreezeState initial, int epochs, int stepsPerEpoch) {
        return new Timeline(
                kind,
                stretches(new Replay(policy, stepsPerEpoch).decisions(initial, List.of(), epochs), stepsPerEpoch));
    }

    /** The timeline of decisions that were taken: what happened. */
    static Timeline of(List<Replay.Decided> decisions, int stepsPerEpoch) {
        return new Timeline(Kind.EXACT, stretches(decisions, stepsPerEpoch));
    }

    private static List<Stretch> stretches(List<Replay.Decided> decisions, int stepsPerEpoch) {
        List<Stretch> stretches = new ArrayList<>();
        for (int i = 0; i < decisions.size(); i++) {
            StepPosition from = decisions.get(i).at();
            long end = i + 1 < decisions.size()
                    ? decisions.get(i + 1).at().globalStep()
                    : (from.epoch() + 1L) * stepsPerEpoch;
            stretches.add(new Stretch(
                    from,
                    Math.toIntExact(end - from.globalStep()),
                    decisions.get(i).decision().state(),
                    decisions.get(i).decision().transitions()));
        }
        return stretches;
    }

    /** The stretches of each epoch, in order. */
    public List<List<Stretch>> epochs() {
        List<List<Stretch>> epochs = new ArrayList<>();
        for (Stretch stretch : stretches) {
            if (stretch.from().startsEpoch()) {
                epochs.add(new ArrayList<>());
            }
            epochs.get(stretch.from().epoch()).add(stretch);
        }
        return epochs;
    }

    /** When a group is live, in order. */
    public List<Span> live(String group) {
        List<Span> spans = new ArrayList<>();
        boolean before = false;
        for (Stretch stretch : stretches) {
            boolean live = stretch.state().of(group) == GroupState.LIVE;
            if (live && before) {
                Span last = spans.remove(spans.size() - 1);
                spans.add(new Span(last.from(), last.steps() + stretch.steps()));
            } else if (live) {
                spans.add(new Span(stretch.from(), stretch.steps()));
            }
            before = live;
        }
        return spans;
    }
}
