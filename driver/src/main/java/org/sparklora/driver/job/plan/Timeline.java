package org.sparklora.driver.job.plan;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.sparklora.driver.job.freeze.FreezePolicy;
import org.sparklora.driver.job.freeze.Replay;
import org.sparklora.driver.job.freeze.RunLength;
import org.sparklora.driver.job.freeze.StepPosition;
import org.sparklora.driver.job.freeze.Transition;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.CachePlan;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.train.LearningRateSchedule;

/**
 * The freeze state of every step of a run.
 *
 * @param kind whether this is what will happen, or a bound of it
 * @param stretches in order, without a gap, from the run's first step to its last; none spans two epochs
 */
public record Timeline(Kind kind, List<Stretch> stretches) {

    /** How a timeline relates to the run. */
    public enum Kind {
        /** What will happen. */
        EXACT,
        /** Every move as early as the metrics can cause it. */
        EARLIEST,
        /** Every move as late as the metrics can cause it; a move that may never happen is left out. */
        LATEST;

        /** The name in JSON. */
        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * Steps of one epoch between which no group moves.
     *
     * @param from its first step
     * @param steps how many, at least 1
     * @param moves the transitions before the first step
     */
    public record Stretch(StepPosition from, int steps, FreezeState state, List<Transition> moves) {

        public Stretch {
            moves = List.copyOf(moves);
        }
    }

    /** Consecutive steps in which a group is live, from a thaw, or the start, to a freeze, or the end. */
    public record Span(StepPosition from, long steps) {}

    /**
     * An epoch with its activation cache.
     *
     * @param stretches in order, at least one
     * @param held whether the epoch before cached the same activations, so that the frozen trunk does not run
     */
    record Epoch(List<Stretch> stretches, CachePlan cache, boolean held) {

        int number() {
            return stretches.get(0).from().epoch();
        }

        FreezeState lastState() {
            return stretches.get(stretches.size() - 1).state();
        }
    }

    public Timeline {
        stretches = List.copyOf(stretches);
    }

    /**
     * The timelines of a policy: one if it needs no metric, else the two that bound it.
     *
     * @param initial the state before the first epoch
     */
    public static List<Timeline> of(FreezePolicy policy, FreezeState initial, RunLength length) {
        if (!policy.needsMetrics()) {
            return List.of(of(Kind.EXACT, policy, initial, length));
        }
        return List.of(
                of(Kind.EARLIEST, policy.atTheEarliest(), initial, length),
                of(Kind.LATEST, policy.atTheLatest(), initial, length));
    }

    private static Timeline of(Kind kind, FreezePolicy policy, FreezeState initial, RunLength length) {
        Replay replay = new Replay(policy, length.stepsPerEpoch());
        return new Timeline(kind, stretches(replay.decisions(initial, List.of(), length.epochs()), length));
    }

    /** The timeline of decisions that a run has made. */
    static Timeline of(List<Replay.Decided> decisions, RunLength length) {
        return new Timeline(Kind.EXACT, stretches(decisions, length));
    }

    private static List<Stretch> stretches(List<Replay.Decided> all, RunLength length) {
        // The policy knows whole epochs. What it would decide after the end does not happen.
        List<Replay.Decided> decisions = all.stream()
                .filter(decided -> decided.at().globalStep() < length.steps())
                .toList();
        List<Stretch> stretches = new ArrayList<>();
        for (int i = 0; i < decisions.size(); i++) {
            StepPosition from = decisions.get(i).at();
            long end = i + 1 < decisions.size()
                    ? decisions.get(i + 1).at().globalStep()
                    : length.stepsUntil(from.epoch() + 1);
            stretches.add(new Stretch(
                    from,
                    Math.toIntExact(end - from.globalStep()),
                    decisions.get(i).decision().state(),
                    decisions.get(i).decision().transitions()));
        }
        return stretches;
    }

    /** The stretches of each epoch. */
    List<List<Stretch>> byEpoch() {
        List<List<Stretch>> byEpoch = new ArrayList<>();
        for (Stretch stretch : stretches) {
            if (stretch.from().startsEpoch()) {
                byEpoch.add(new ArrayList<>());
            }
            byEpoch.get(stretch.from().epoch()).add(stretch);
        }
        return byEpoch;
    }

    /** The epochs, with the caches that a run would have. */
    List<Epoch> epochs(EpochPlanner planner) {
        List<Epoch> epochs = new ArrayList<>();
        CachePlan before = CachePlan.off("");
        for (List<Stretch> epoch : byEpoch()) {
            FreezeState first = epoch.get(0).state();
            CachePlan cache = planner.plan(epochs.size(), first, AdapterSnapshot.EMPTY, epoch.size() == 1)
                    .cache();
            // The epoch before trained only tensors at or above its own cached layer, so an equal layer has equal
            // inputs.
            boolean held = cache.isOn() && cache.layerIndex() == before.layerIndex();
            epochs.add(new Epoch(List.copyOf(epoch), cache, held));
            before = cache;
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

    /**
     * The highest learning rate that a group reaches; 0 if it is never live.
     *
     * @param learningRate training.learning_rate
     */
    double highestRate(double learningRate, LearningRateSchedule schedule, String group, GroupSettings settings) {
        double highest = 0;
        for (Span span : live(group)) {
            for (long k = 0; k < span.steps(); k++) {
                double warmUp = Math.min(1, (k + 1.0) / Math.max(1, settings.warmupSteps()));
                highest = Math.max(highest, schedule.factor(span.from().globalStep() + k) * warmUp);
            }
        }
        return learningRate * settings.learningRateScale() * highest;
    }
}
