package org.sparklora.driver.job.freeze;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.KeyedRandom;
import org.sparklora.worker.contract.OptimizerStateOnThaw;

/**
 * The policy {@code lisa}: every few steps it draws a few groups at random, which are live until the next draw; the other
 * {@link #groups} are not.
 *
 * <p>Layerwise importance sampled AdamW, Pan et al. 2024, arXiv:2403.17919, algorithm 1. There embeddings and head are
 * always live; here the head and whatever {@link #live} names, which must be outside {@link #groups}. As in the authors'
 * LMFlow the first draw is made before step 0, and a group that thaws starts with fresh moments: LMFlow drops those of
 * the layers that are not drawn, which saves memory; here they could be kept, but are many draws old by then. Unlike there,
 * a group that is drawn twice in a row continues; LMFlow makes a new optimizer at every draw.
 *
 * <p>Draw {@code p} depends on the seed and on {@code p} alone, not on the draws before, so a resumed run draws the same.
 *
 * @param optimizerState for groups that thaw again
 */
public record Lisa(List<String> live, List<String> groups, Draw draw, OptimizerStateOnThaw optimizerState, long seed)
        implements FreezePolicy {

    /**
     * How groups are drawn.
     *
     * @param sample how many at a time, at least 1; LMFlow: 2
     * @param period optimizer steps from one draw to the next, at least 1; LMFlow: 20
     * @param weights by group, above 0; one that is not here has 1. The chance to be drawn first is proportional to it
     */
    public record Draw(int sample, int period, SortedMap<String, Double> weights) {

        public Draw {
            weights = Collections.unmodifiableSortedMap(new TreeMap<>(weights));
            boolean positive = weights.values().stream().allMatch(w -> w > 0 && Double.isFinite(w));
            if (sample < 1 || period < 1 || !positive) {
                throw new IllegalArgumentException("lisa: sample=" + sample + " must be at least 1 group, period="
                        + period + " at least 1 step, and each weight a number above 0, unlike in " + weights);
            }
        }
    }

    public Lisa {
        live = List.copyOf(live);
        groups = List.copyOf(groups);
    }

    /** The steps at which a draw begins. */
    @Override
    public SortedSet<Integer> decisionSteps(int epoch, int stepsPerEpoch) {
        SortedSet<Integer> steps = new TreeSet<>();
        long first = (long) epoch * stepsPerEpoch;
        long next = (first / draw.period() + 1) * draw.period();
        for (; next < first + stepsPerEpoch; next += draw.period()) {
            steps.add((int) (next - first));
        }
        return steps;
    }

    @Override
    public FreezeDecision next(FreezeState now, StepPosition at, List<EpochMetrics> seen) {
        long period = at.globalStep() / draw.period();
        List<String> drawn = drawn(period);
        String reason = "lisa: draw " + period + ", before step " + period * draw.period() + ", seed " + seed + ": "
                + drawn.stream().map(group -> "'" + group + "'").collect(Collectors.joining(", ")) + " of "
                + groups.size() + " groups";
        DecisionBuilder moves = new DecisionBuilder(now, at);
        for (String group : groups) {
            if (now.of(group) == GroupState.LIVE && !drawn.contains(group)) {
                moves.freeze(group, reason + "; freeze '" + group + "'");
            }
        }
        for (String group : drawn) {
            if (now.of(group) != GroupState.LIVE) {
                moves.thaw(group, optimizerState, reason + "; thaw '" + group + "'");
            }
        }
        return moves.decision();
    }

    /**
     * The groups of one draw, in the order of {@link #groups}.
     *
     * <p>Weighted sampling without replacement as a race (Efraimidis and Spirakis 2006): each group arrives after an
     * exponentially distributed time whose rate is its weight, and the first {@code sample} are drawn.
     *
     * @param period which draw, from 0
     */
    public List<String> drawn(long period) {
        long key = KeyedRandom.mix(KeyedRandom.key(seed, "lisa"), period);
        double[] arrival = new double[groups.size()];
        for (int i = 0; i < arrival.length; i++) {
            double weight = draw.weights().getOrDefault(groups.get(i), 1.0);
            arrival[i] = -StrictMath.log(1.0 - KeyedRandom.uniform(key, i)) / weight;
        }
        return IntStream.range(0, arrival.length)
                .boxed()
                .sorted(Comparator.comparingDouble(i -> arrival[i]))
                .limit(draw.sample())
                .sorted()
                .map(groups::get)
                .toList();
    }

    @Override
    public List<String> problems() {
        List<String> problems = new ArrayList<>();
        for (int i = 0; i < live.size(); i++) {
            if (groups.contains(live.get(i))) {
                problems.add("schedule.live[" + i + "]='" + live.get(i)
                        + "' is one of schedule.groups, which are drawn;" + " remove it from one of the two");
            }
        }
        if (draw.sample() > groups.size() && !groups.isEmpty()) {
            problems.add("schedule.sample=" + draw.sample() + " is more than the " + groups.size()
                    + " of schedule.groups; lower it");
        }
        List<String> unknown = new ArrayList<>(draw.weights().keySet());
        unknown.removeAll(groups);
        unknown.forEach(group -> problems.add(
                "schedule.weights." + group + " is for a group that is not one of schedule.groups; remove it"));
        return problems;
    }
}
