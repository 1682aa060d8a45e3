package org.sparklora.driver.job.plan;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.job.freeze.AutoFreeze;
import org.sparklora.driver.job.freeze.EpochSchedule;
import org.sparklora.driver.job.freeze.EpochSchedule.Event;
import org.sparklora.driver.job.freeze.FreezePolicy;
import org.sparklora.driver.job.freeze.Lisa;
import org.sparklora.driver.job.freeze.RunLength;
import org.sparklora.driver.job.freeze.StepPosition;
import org.sparklora.driver.job.freeze.ThawOnPlateau;
import org.sparklora.driver.job.freeze.WithEvents;
import org.sparklora.driver.job.plan.Timeline.Kind;
import org.sparklora.driver.job.plan.Timeline.Span;
import org.sparklora.driver.job.text.Facts;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.OptimizerStateOnThaw;

class TimelineTest {

    private static final Set<String> GROUPS = Set.of("top", "middle", "bottom");
    private static final List<String> ORDER = List.of("top", "middle", "bottom");

    private static List<Timeline> timelines(FreezePolicy policy, int epochs, int stepsPerEpoch) {
        return Timeline.of(policy, policy.initial(GROUPS, Set.of()), RunLength.ofEpochs(epochs, stepsPerEpoch));
    }

    /** {@code epoch.step+steps live…}. */
    private static List<String> shown(Timeline timeline) {
        return timeline.stretches().stream()
                .map(s -> s.from().epoch() + "." + s.from().step() + "+" + s.steps() + " "
                        + String.join(" ", s.state().in(GroupState.LIVE)))
                .toList();
    }

    @Test
    void aRunThatEndsWithinAnEpochHasNoStretchBeyondItsEnd() {
        EpochSchedule policy = new EpochSchedule(
                List.of("top"),
                List.of(
                        Event.thaw(2, List.of("bottom"), OptimizerStateOnThaw.KEEP)
                                .atStep(1),
                        Event.freeze(2, List.of("top")).atStep(2)));
        RunLength length = RunLength.ofSteps(12, 5);
        assertThat(length.epochs()).isEqualTo(3);
        assertThat(shown(Timeline.of(policy, policy.initial(GROUPS, Set.of()), length)
                        .get(0)))
                .containsExactly("0.0+5 top", "1.0+5 top", "2.0+1 top", "2.1+1 bottom top");
        assertThat(policy.neverReached(length)).satisfiesExactly(Facts.line("schedule.events[1]", "2 steps"));
        assertThat(RunLength.ofSteps(10, 5)).isEqualTo(RunLength.ofEpochs(2, 5));
    }

    @Test
    void eventsCutEpochsIntoStretches() {
        EpochSchedule policy = new EpochSchedule(
                List.of("top"),
                List.of(
                        Event.thaw(1, List.of("bottom"), OptimizerStateOnThaw.KEEP)
                                .atStep(3),
                        Event.freeze(2, List.of("top"))));
        List<Timeline> timelines = timelines(policy, 3, 5);
        assertThat(timelines).hasSize(1);
        Timeline timeline = timelines.get(0);
        assertThat(timeline.kind()).isEqualTo(Kind.EXACT);
        assertThat(shown(timeline)).containsExactly("0.0+5 top", "1.0+3 top", "1.3+2 bottom top", "2.0+5 bottom");
        assertThat(timeline.stretches().get(2).moves())
                .extracting(move -> move.reason())
                .containsExactly("schedule.events[0]: thaw before step 3 of epoch 1");
        assertThat(timeline.byEpoch()).extracting(List::size).containsExactly(1, 2, 1);
        assertThat(timeline.live("top")).containsExactly(new Span(StepPosition.of(0, 0, 5), 10));
        assertThat(timeline.live("bottom")).containsExactly(new Span(StepPosition.of(1, 3, 5), 7));
        assertThat(timeline.live("middle")).isEmpty();
    }

    @Test
    void drawsAreTheRuns() {
        Lisa policy = new Lisa(List.of(), ORDER, new Lisa.Draw(1, 4, new TreeMap<>()), OptimizerStateOnThaw.FRESH, 7);
        Timeline timeline = timelines(policy, 2, 6).get(0);
        // A draw each 4 steps, and each epoch begins a stretch.
        List<Integer> steps =
                timeline.stretches().stream().map(Timeline.Stretch::steps).toList();
        assertThat(steps).containsExactly(4, 2, 2, 4);
        for (Timeline.Stretch stretch : timeline.stretches()) {
            assertThat(stretch.state().in(GroupState.LIVE))
                    .isEqualTo(policy.drawn(stretch.from().globalStep() / 4));
        }
    }

    @Test
    void metricsLeaveBounds() {
        ThawOnPlateau policy = new ThawOnPlateau(
                List.of("top"),
                ORDER,
                new ThawOnPlateau.Watch("loss", 0, 1),
                new ThawOnPlateau.Phase(1, OptionalInt.of(3)),
                true);
        List<Timeline> timelines = timelines(policy, 6, 2);
        assertThat(timelines).extracting(Timeline::kind).containsExactly(Kind.EARLIEST, Kind.LATEST);
        assertThat(shown(timelines.get(0)))
                .containsExactly(
                        "0.0+2 top",
                        "1.0+2 top",
                        "2.0+2 middle top",
                        "3.0+2 middle top",
                        "4.0+2 bottom middle top",
                        "5.0+2 bottom middle top");
        assertThat(timelines.get(1).live("middle")).containsExactly(new Span(StepPosition.of(3, 0, 2), 6));
        assertThat(timelines.get(1).live("bottom")).isEmpty();
    }

    @Test
    void eventsAreInBothBounds() {
        List<String> live = List.of("top", "middle");
        FreezePolicy policy = new WithEvents(
                new AutoFreeze(live, live, 50, 1),
                new EpochSchedule(live, List.of(Event.thaw(1, List.of("bottom"), OptimizerStateOnThaw.KEEP))));
        List<Timeline> timelines = timelines(policy, 4, 1);
        assertThat(timelines)
                .extracting(t -> t.live("bottom").get(0))
                .containsOnly(new Span(StepPosition.of(1, 0, 1), 3));
        assertThat(timelines.get(0).live("middle")).containsExactly(new Span(StepPosition.of(0, 0, 1), 2));
        assertThat(timelines.get(1).live("middle")).containsExactly(new Span(StepPosition.of(0, 0, 1), 4));
        assertThat(timelines.get(0).stretches().get(2).state().states())
                .isEqualTo(Map.of("top", GroupState.LIVE, "middle", GroupState.FROZEN, "bottom", GroupState.LIVE));
    }
}
