package org.sparklora.driver.job.plan;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.job.freeze.EpochSchedule;
import org.sparklora.driver.job.freeze.EpochSchedule.Event;
import org.sparklora.driver.job.freeze.FreezePolicy;
import org.sparklora.driver.job.freeze.Lisa;
import org.sparklora.driver.job.freeze.RunLength;
import org.sparklora.driver.job.freeze.ThawOnPlateau;
import org.sparklora.driver.job.text.Facts;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.OptimizerStateOnThaw;
import org.sparklora.worker.train.LearningRateSchedule;

/** Runs of 4 epochs with 10 steps each. */
class WarningsTest {

    private static final int EPOCHS = 4;
    private static final int STEPS = 10;
    private static final RunLength LENGTH = RunLength.ofEpochs(EPOCHS, STEPS);

    private static List<String> warnings(FreezePolicy policy, int globalWarmUp, Map<String, Integer> warmUps) {
        List<LoraGroup> groups = new ArrayList<>();
        warmUps.forEach((name, steps) -> groups.add(new LoraGroup(
                name, "", List.of(new LoraModule(name, 2, 4, 8, 8)), new GroupSettings(0, false, 1, steps))));
        Set<String> names = new TreeSet<>(warmUps.keySet());
        return new Warnings(
                        policy, Timeline.of(policy, policy.initial(names, Set.of()), LENGTH), schedule(globalWarmUp))
                .of(groups, LENGTH);
    }

    private static LearningRateSchedule schedule(int warmUp) {
        return new LearningRateSchedule(LearningRateSchedule.Type.LINEAR, warmUp, EPOCHS * STEPS);
    }

    private static Event thaw(int epoch, String group) {
        return Event.thaw(epoch, List.of(group), OptimizerStateOnThaw.KEEP);
    }

    @Test
    void aRunThatIsMeantHasNone() {
        EpochSchedule policy = new EpochSchedule(List.of("top"), List.of(thaw(2, "bottom")));
        assertThat(warnings(policy, 39, Map.of("top", 40, "bottom", 20))).isEmpty();
    }

    @Test
    void aGroupThatNothingThawsNeverTrains() {
        EpochSchedule policy = new EpochSchedule(List.of("top"), List.of());
        assertThat(warnings(policy, 0, Map.of("top", 0, "bottom", 0)))
                .satisfiesExactly(Facts.line("'bottom'", "never trains", "schedule.live"));
    }

    @Test
    void aThawAfterTheLastEpochNeverHappens() {
        EpochSchedule policy = new EpochSchedule(List.of("top"), List.of(thaw(4, "bottom")));
        assertThat(warnings(policy, 0, Map.of("top", 0, "bottom", 0)))
                .satisfiesExactly(
                        Facts.line("schedule.events[0]", "epoch 4", "4 epochs"),
                        Facts.line("'bottom'", "never trains", "schedule.live"));
    }

    @Test
    void aPolicyThatCannotGetToAGroupSaysSoOnce() {
        ThawOnPlateau policy = new ThawOnPlateau(
                List.of("top"),
                List.of("top", "bottom"),
                new ThawOnPlateau.Watch("loss", 0, 3),
                new ThawOnPlateau.Phase(1, OptionalInt.empty()),
                true);
        assertThat(warnings(policy, 0, Map.of("top", 0, "bottom", 0)))
                .singleElement()
                .asString()
                .startsWith("plateau: group 'bottom' never thaws: its turn is before epoch 4 at the earliest");
    }

    @Test
    void aGroupThatIsNeverDrawnIsNamed() {
        Lisa policy = new Lisa(
                List.of(),
                List.of("top", "bottom"),
                new Lisa.Draw(1, 1000, new TreeMap<>(Map.of("top", 1e9))),
                OptimizerStateOnThaw.FRESH,
                1);
        assertThat(warnings(policy, 0, Map.of("top", 0, "bottom", 0)))
                .satisfiesExactly(Facts.line("'bottom'", "never trains", "the policy"));
    }

    @Test
    void aWarmUpLongerThanAGroupsLifeIsATrap() {
        EpochSchedule policy = new EpochSchedule(
                List.of("top"), List.of(thaw(2, "bottom").atStep(5), Event.freeze(3, List.of("top"))));
        assertThat(warnings(policy, 0, Map.of("top", 31, "bottom", 16)))
                .satisfiesExactlyInAnyOrder(
                        Facts.line("lora.groups.bottom.warmup_steps=16", "15 steps", "step 5 of epoch 2"),
                        Facts.line("lora.groups.top.warmup_steps=31", "30 steps", "epoch 0"));
        assertThat(warnings(policy, 0, Map.of("top", 30, "bottom", 15))).isEmpty();
    }

    @Test
    void aWarmUpLongerThanTheRunIsATrap() {
        EpochSchedule policy = new EpochSchedule(List.of("top"), List.of());
        assertThat(warnings(policy, 40, Map.of("top", 0)))
                .satisfiesExactly(Facts.line("training.warmup_steps=40", "40 steps"));
    }

    @Test
    void theHighestRateIsThatOfScheduleAndWarmUpTogether() {
        EpochSchedule policy = new EpochSchedule(List.of("top"), List.of(thaw(3, "bottom")));
        Timeline timeline = Timeline.of(policy, policy.initial(Set.of("top", "bottom"), Set.of()), LENGTH)
                .get(0);
        GroupSettings scaled = new GroupSettings(0, false, 0.5, 5);
        // Live from step 30 of 40: warm-up ends at its fifth step, 34, when the schedule has left 6 of 40.
        assertThat(timeline.highestRate(0.1, schedule(0), "bottom", scaled))
                .isCloseTo(0.1 * 0.5 * 6 / 40, Offset.offset(1e-12));
        assertThat(timeline.highestRate(0.1, schedule(0), "top", scaled))
                .isCloseTo(0.1 * 0.5 * 36 / 40, Offset.offset(1e-12));
        assertThat(timeline.highestRate(0.1, schedule(0), "head", GroupSettings.PLAIN))
                .isEqualTo(0.1);
    }
}
