package org.sparklora.driver.job.plan;

import org.sparklora.driver.job.plan.Timeline.Span;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.train.LearningRateSchedule;

/**
 * The learning rates of a run.
 *
 * @param learningRate training.learning_rate
 * @param schedule the factor of each step
 */
public record Rates(double learningRate, LearningRateSchedule schedule) {

    /** The highest rate that a group reaches; 0 for one that is never live. */
    public double highest(GroupSettings group, Timeline timeline, String name) {
        return learningRate
                * group.learningRateScale()
                * timeline.live(name).stream()
                        .mapToDouble(span -> highestFactor(group, span))
                        .max()
                        .orElse(0);
    }

    private double highestFactor(GroupSettings group, Span span) {
        double highest = 0;
        for (long k = 0; k < span.steps(); k++) {
            double warmUp = Math.min(1, (k + 1.0) / Math.max(1, group.warmupSteps()));
            highest = Math.max(highest, schedule.factor(span.from().globalStep() + k) * warmUp);
        }
        return highest;
    }
}
