package org.sparklora.driver.job.freeze;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.sparklora.worker.contract.FreezeState;

/**
 * Takes a policy's decisions again, from what a run recorded, or before any run where they hang on no metric.
 *
 * @param stepsPerEpoch optimizer steps of each epoch
 */
public record Replay(FreezePolicy policy, int stepsPerEpoch) {

    /** A decision and when it was due. */
    public record Decided(StepPosition at, FreezeDecision decision) {}

    /** When the policy is asked in an epoch: before it, and before each of its {@link FreezePolicy#stops stops}. */
    public List<StepPosition> moments(int epoch) {
        TreeSet<Integer> steps = new TreeSet<>(policy.stops(epoch, stepsPerEpoch));
        steps.add(0);
        return steps.stream()
                .map(step -> StepPosition.of(epoch, step, stepsPerEpoch))
                .toList();
    }

    /**
     * Every decision of a run in order, those that change nothing included: before each epoch and at each {@link
     * FreezePolicy#stops stop}. Ends with the decision to stop, if there is one.
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
