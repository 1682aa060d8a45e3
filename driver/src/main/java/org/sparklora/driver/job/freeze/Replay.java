package org.sparklora.driver.job.freeze;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.sparklora.worker.contract.FreezeState;

/**
 * Re-evaluates a policy's decisions from what a run recorded, or before any run if they depend on no metric.
 *
 * @param stepsPerEpoch optimizer steps of each epoch
 */
public record Replay(FreezePolicy policy, int stepsPerEpoch) {

    /** A decision and its position. */
    public record Decided(StepPosition at, FreezeDecision decision) {}

    /** When the policy decides in an epoch: before it, and before each of its {@link FreezePolicy#decisionSteps}. */
    public List<StepPosition> moments(int epoch) {
        TreeSet<Integer> steps = new TreeSet<>(policy.decisionSteps(epoch, stepsPerEpoch));
        steps.add(0);
        return steps.stream()
                .map(step -> StepPosition.of(epoch, step, stepsPerEpoch))
                .toList();
    }

    /**
     * Every decision of a run in order, including those that change nothing. The decision to stop is the last, if there is
     * one.
     *
     * @param initial the state before the first epoch
     * @param recorded what the finished epochs showed; may be empty unless {@link FreezePolicy#needsMetrics}
     * @param epochs how many epochs to decide
     */
    public List<Decided> decisions(FreezeState initial, List<EpochMetrics> recorded, int epochs) {
        List<Decided> decisions = new ArrayList<>();
        FreezeState state = initial;
        for (int epoch = 0; epoch < epochs; epoch++) {
            List<EpochMetrics> seen = recorded.subList(0, Math.min(epoch, recorded.size()));
            for (StepPosition at : moments(epoch)) {
                FreezeDecision decision = policy.next(state, at, seen);
                decisions.add(new Decided(at, decision));
                if (decision.stop().isPresent()) {
                    return decisions;
                }
                state = decision.state();
            }
        }
        return decisions;
    }
}
