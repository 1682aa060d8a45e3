package org.sparklora.driver.job.config;

import java.util.Collections;
import java.util.List;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.driver.job.freeze.AutoFreeze;
import org.sparklora.driver.job.freeze.EpochSchedule;
import org.sparklora.driver.job.freeze.FreezePolicy;
import org.sparklora.driver.job.freeze.GradualThaw;
import org.sparklora.driver.job.freeze.ThawOnPlateau;
import org.sparklora.worker.contract.OptimizerStateOnThaw;

/** {@code schedule.policy} with the keys that belong to it. The policies in {@code job.freeze} explain them. */
public sealed interface PolicyConfig {

    /** The policy of the job file. */
    default Policy kind() {
        for (Policy policy : Policy.values()) {
            if (policy.config() == getClass()) {
                return policy;
            }
        }
        throw new IllegalStateException("no policy has " + getClass());
    }

    /** The policy without the schedule's events. */
    FreezePolicy policy(List<String> live, List<String> groups, long seed);

    /** Only the events change group states. */
    record Epochs() implements PolicyConfig {

        @Override
        public FreezePolicy policy(List<String> live, List<String> groups, long seed) {
            return new EpochSchedule(live, List.of());
        }
    }

    /** See {@link GradualThaw}. */
    record Gradual(int every, double learningRateDecay) implements PolicyConfig {

        @Override
        public FreezePolicy policy(List<String> live, List<String> groups, long seed) {
            return new GradualThaw(live, groups, every, learningRateDecay);
        }
    }

    /** See {@link ThawOnPlateau}. */
    record Plateau(
            String metric, double minDelta, int patience, int minEpochs, OptionalInt maxEpochs, boolean restoreBest)
            implements PolicyConfig {

        @Override
        public FreezePolicy policy(List<String> live, List<String> groups, long seed) {
            return new ThawOnPlateau(
                    live,
                    groups,
                    new ThawOnPlateau.Watch(metric, minDelta, patience),
                    new ThawOnPlateau.Phase(minEpochs, maxEpochs),
                    restoreBest);
        }
    }

    /** See {@link org.sparklora.driver.job.freeze.Lisa}. */
    record Lisa(int sample, int period, SortedMap<String, Double> weights, OptimizerStateOnThaw optimizerState)
            implements PolicyConfig {

        public Lisa {
            weights = Collections.unmodifiableSortedMap(new TreeMap<>(weights));
        }

        @Override
        public FreezePolicy policy(List<String> live, List<String> groups, long seed) {
            org.sparklora.driver.job.freeze.Lisa.Draw draw =
                    new org.sparklora.driver.job.freeze.Lisa.Draw(sample, period, weights);
            return new org.sparklora.driver.job.freeze.Lisa(live, groups, draw, optimizerState, seed);
        }
    }

    /** See {@link AutoFreeze}. */
    record Autofreeze(double percentile, int window) implements PolicyConfig {

        @Override
        public FreezePolicy policy(List<String> live, List<String> groups, long seed) {
            return new AutoFreeze(live, groups, percentile, window);
        }
    }
}
