package org.sparklora.driver.job.freeze;

import java.util.List;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.OptimizerStateOnThaw;

/**
 * The policy {@code gradual}: from the top group down one more thaws every few epochs, and the deeper a group lies the
 * smaller its learning rate.
 *
 * <p>Gradual unfreezing and discriminative fine-tuning of ULMFiT, Howard and Ruder 2018, arXiv:1801.06146, sections 3.2 and
 * 3.3. There the last layer learns alone at first; here it is the head, which always learns, and whatever {@link #live}
 * names. Groups that are live at the start count as thawed: the others take their turns without a gap.
 *
 * @param every epochs from one thaw to the next, at least 1; ULMFiT: 1
 * @param learningRateDecay what the rate is divided by from each of {@link #groups} to the next, at least 1; ULMFiT: 2.6
 */
public record GradualThaw(List<String> live, List<String> groups, int every, double learningRateDecay)
        implements FreezePolicy {

    /** @throws IllegalArgumentException where every is below 1 epoch or learningRateDecay below 1 */
    public GradualThaw {
        live = List.copyOf(live);
        groups = List.copyOf(groups);
        if (every < 1 || !(learningRateDecay >= 1)) {
            throw new IllegalArgumentException("gradual: every=" + every + " must be at least 1 epoch, and"
                    + " learning_rate_decay=" + learningRateDecay + " at least 1");
        }
    }

    @Override
    public FreezeDecision next(FreezeState now, StepPosition at, List<EpochMetrics> seen) {
        DecisionBuilder moves = new DecisionBuilder(now, at);
        for (String group : groups) {
            if (at.epoch() >= thawsBefore(group) && now.of(group) != GroupState.LIVE) {
                moves.thaw(
                        group,
                        // A group that thaws for the first time has no moments.
                        OptimizerStateOnThaw.KEEP,
                        "gradual: one more group every " + every + (every == 1 ? " epoch" : " epochs") + "; thaw '"
                                + group + "' before epoch " + thawsBefore(group));
            }
        }
        return moves.decision();
    }

    /** The epoch before which one of {@link #groups} thaws; 0 for one that is live at the start. */
    public long thawsBefore(String group) {
        return turn(group) * every;
    }

    /** {@code learningRateDecay} to the power of minus the group's place in {@link #groups}; 1 for any other group. */
    @Override
    public double learningRateFactor(String group) {
        int depth = groups.indexOf(group);
        return depth < 0 ? 1.0 : StrictMath.pow(learningRateDecay, -depth);
    }

    @Override
    public List<String> neverReached(RunLength length) {
        return groups.stream()
                .filter(group -> thawsBefore(group) >= length.epochs())
                .map(group -> "gradual: group '" + group + "' never thaws: its turn is before epoch "
                        + thawsBefore(group) + ", beyond the run's " + length.epochs() + " epochs, which count from 0")
                .toList();
    }
}
