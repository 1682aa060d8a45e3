package org.sparklora.driver.job.config;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A sweep: trials of one job that differ in a few keys.
 *
 * @param halving when the worse trials stop; empty: all go to their end
 * @param output the folder of the sweep, absolute or with a scheme
 */
public record SweepConfig(String name, List<Trial> trials, Optional<Halving> halving, String output) {

    public SweepConfig {
        trials = List.copyOf(trials);
    }

    /**
     * A trial.
     *
     * @param id three digits or more, counted from 001
     * @param varied the values of the varied keys, as the sweep file has them
     */
    public record Trial(String id, Map<String, String> varied, JobConfig job) {}

    /**
     * Successive halving (Jamieson and Talwalkar, 2016): after every few epochs the better trials go on.
     *
     * @param every epochs between two decisions
     * @param keep share of the trials that go on, rounded up
     * @param metric that is compared; empty: that of the leaderboard
     */
    public record Halving(int every, double keep, Optional<String> metric) {

        /** Number of trials that go on, of those that train; at least one. */
        public int kept(int trials) {
            return Math.max(1, (int) Math.ceil(trials * keep));
        }
    }
}
