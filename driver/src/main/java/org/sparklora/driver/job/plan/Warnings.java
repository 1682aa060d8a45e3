package org.sparklora.driver.job.plan;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.sparklora.driver.job.freeze.FreezePolicy;
import org.sparklora.driver.job.freeze.RunLength;
import org.sparklora.driver.job.plan.Timeline.Span;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.train.LearningRateSchedule;

/**
 * Warns of what a job may do but probably should not: likely mistakes in a job file.
 *
 * @param timelines the earliest and the latest that may happen, or the only one
 * @param schedule of the learning rate
 */
public record Warnings(FreezePolicy policy, List<Timeline> timelines, LearningRateSchedule schedule) {

    public Warnings {
        timelines = List.copyOf(timelines);
    }

    /**
     * One line each.
     *
     * @param groups the declared groups
     */
    public List<String> of(List<LoraGroup> groups, RunLength length) {
        List<String> late = policy.neverReached(length);
        List<String> warnings = new ArrayList<>(late);
        for (LoraGroup group : groups) {
            String name = group.name();
            if (timelines.stream().allMatch(timeline -> timeline.live(name).isEmpty())) {
                // A policy that reaches a group too late has already warned of it.
                if (late.stream().noneMatch(line -> line.contains("'" + name + "'"))) {
                    warnings.add("group '" + name + "' never trains: " + whyNever(name));
                }
            } else {
                warmUp(group).ifPresent(warnings::add);
            }
        }
        long steps = length.steps();
        if (schedule.warmupSteps() >= steps) {
            warnings.add("training.warmup_steps=" + schedule.warmupSteps() + " is not below the " + steps
                    + " steps of the run: the learning rate never arrives; lower it");
        }
        return warnings;
    }

    private String whyNever(String group) {
        if (policy.groups().contains(group)) {
            return "the policy never makes it live in this run; train for more epochs";
        }
        return "neither schedule.live nor an event that happens names it, and it is not one of schedule.groups";
    }

    /** Warns if a group's warm-up is longer than each span in which it is live. */
    private Optional<String> warmUp(LoraGroup group) {
        int warmup = group.settings().warmupSteps();
        Span longest = timelines.stream()
                .flatMap(timeline -> timeline.live(group.name()).stream())
                .max(Comparator.comparingLong(Span::steps))
                .orElseThrow();
        if (longest.steps() >= warmup) {
            return Optional.empty();
        }
        return Optional.of("lora.groups." + group.name() + ".warmup_steps=" + warmup
                + ": its learning rate never arrives, for it is live for " + longest.steps()
                + " steps at the most, from " + longest.from() + "; lower it");
    }
}
