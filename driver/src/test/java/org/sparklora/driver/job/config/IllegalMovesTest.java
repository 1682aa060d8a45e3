package org.sparklora.driver.job.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.job.freeze.EpochSchedule;
import org.sparklora.driver.job.freeze.Facts;

class IllegalMovesTest {

    @TempDir
    Path directory;

    @Test
    void playsEventsInTheOrderOfEpochs() {
        JobConfig job = Jobs.read(
                directory,
                Jobs.TWO_GROUPS,
                "schedule.events=[{epoch: 5, thaw: [bottom]}, {epoch: 4, freeze: [bottom]}, {epoch: 2, thaw: [bottom], freeze: [top]}, {epoch: 99, freeze: [bottom]}]");
        assertThat(job.schedule().events()).extracting(EpochSchedule.Event::epoch).containsExactly(5, 4, 2, 99);
    }

    @Test
    void anEmptyLiveListTrainsTheHeadOnly() {
        assertThat(Jobs.read(directory, Jobs.TWO_GROUPS, "schedule.live=[]")
                        .schedule()
                        .live())
                .isEmpty();
    }

    @Test
    void refusesToThawALiveGroup() {
        assertThat(problems("{epoch: 1, thaw: [top, bottom]}, {epoch: 2, thaw: [bottom]}"))
                .satisfiesExactly(
                        Facts.line("schedule.events[0].thaw", "'top'", "live at epoch 1"),
                        Facts.line("schedule.events[1].thaw", "'bottom'", "live at epoch 2"));
    }

    @Test
    void refusesToFreezeAGroupThatIsNotLive() {
        assertThat(problems("{epoch: 1, freeze: [top, bottom]}, {epoch: 2, freeze: [top]}"))
                .satisfiesExactly(
                        Facts.line("schedule.events[0].freeze", "'bottom'", "not live at epoch 1"),
                        Facts.line("schedule.events[1].freeze", "'top'", "frozen at epoch 2"));
    }

    @Test
    void doesNotCallAGroupOfAnInitialAdapterDormant() {
        assertThat(Jobs.problems(
                        directory,
                        Jobs.TWO_GROUPS,
                        "lora.init_adapter=/a",
                        "schedule.events=[{epoch: 1, freeze: [bottom]}]"))
                .satisfiesExactly(Facts.line("schedule.events[0].freeze", "'bottom'", "not live at epoch 1"));
    }

    @Test
    void refusesBothMovesInOneEvent() {
        assertThat(problems("{epoch: 1, thaw: [bottom], freeze: [bottom]}"))
                .satisfiesExactly(Facts.line("schedule.events[0].freeze", "'bottom'", "same event"));
    }

    @Test
    void refusesTwoMovesAtOneMoment() {
        assertThat(problems("{epoch: 1, thaw: [bottom]}, {epoch: 1, freeze: [bottom]}"))
                .satisfiesExactly(Facts.line("schedule.events[1].freeze", "'bottom'", "another event", "epoch 1"));
    }

    @Test
    void playsEventsOfAnEpochInTheOrderOfSteps() {
        JobConfig job = Jobs.read(
                directory,
                Jobs.TWO_GROUPS,
                "schedule.events=[{epoch: 1, step: 9, freeze: [bottom]}, {epoch: 1, thaw: [bottom]}, {epoch: 1, step: 3, freeze: [top]}]");
        assertThat(job.schedule().events())
                .extracting(EpochSchedule.Event::when)
                .containsExactly("step 9 of epoch 1", "epoch 1", "step 3 of epoch 1");
        assertThat(problems("{epoch: 1, step: 9, thaw: [bottom]}, {epoch: 1, freeze: [bottom]}, {epoch: 2, step: 0, freeze: [top]}, {epoch: 2, thaw: [top]}"))
                .satisfiesExactly(
                        Facts.line("schedule.events[1].freeze", "'bottom'", "not live at epoch 1"),
                        Facts.line("schedule.events[3].thaw", "'top'", "another event", "epoch 2"));
        assertThat(problems("{epoch: 1, step: 9, thaw: [bottom]}, {epoch: 1, step: 9, freeze: [bottom]}"))
                .satisfiesExactly(
                        Facts.line("schedule.events[1].freeze", "'bottom'", "another event", "step 9 of epoch 1"));
        assertThat(problems("{epoch: 1, step: -1, thaw: [bottom]}"))
                .containsExactly("schedule.events[0].step='-1' must be a whole number from 0 to 2147483647");
    }

    @Test
    void aGroupMovesOnlyOnceItIsAdded() {
        String add = "add: {side: {target_modules: [key]}}";
        assertThat(Jobs.read(
                                directory,
                                Jobs.TWO_GROUPS,
                                "schedule.events=[{epoch: 4, freeze: [side]}, {epoch: 3, " + add + ", thaw: [side]}]")
                        .schedule()
                        .events())
                .hasSize(2);
        assertThat(problems("{epoch: 3, step: 7, " + add + "}, {epoch: 3, step: 6, thaw: [side]}, {epoch: 2, freeze: [side]}, {epoch: 3, step: 8, thaw: [side]}"))
                .satisfiesExactly(
                        Facts.line("schedule.events[2].freeze", "'side'", "schedule.events[0].add", "step 7 of epoch 3"),
                        Facts.line("schedule.events[1].thaw", "'side'", "schedule.events[0].add", "step 7 of epoch 3"));
        assertThat(problems("{epoch: 3, " + add + "}, {epoch: 4, freeze: [side]}"))
                .satisfiesExactly(
                        Facts.line("schedule.events[1].freeze", "'side'", "not live at epoch 4"));
    }

    @Test
    void refusesGroupsThatAreNotDeclared() {
        assertThat(Jobs.problems(
                        directory,
                        Jobs.TWO_GROUPS,
                        "schedule.live=[head, top, top]",
                        "schedule.policy=gradual",
                        "schedule.groups=[botom]",
                        "schedule.events=[{epoch: 1, thaw: [middle], freeze: [bias]}]"))
                .containsExactly(
                        "schedule.live[2]='top' is listed twice; keep one",
                        "schedule.live[0]='head' is an implicit group, which is always live; remove it",
                        "schedule.groups[0]='botom' is not a group of lora.groups; did you mean bottom?",
                        "schedule.events[0].thaw[0]='middle' is not a group of lora.groups; the groups are bottom, top",
                        "schedule.events[0].freeze[0]='bias' is an implicit group, which is always live; remove it");
    }

    @Test
    void refusesAnEventWithoutEpochOrGroups() {
        assertThat(problems("{epoch: 1, thaw: [], freeze: []}, {thaw: [bottom], freze: []}"))
                .containsExactly(
                        "schedule.events[0].thaw is missing; an event thaws, freezes or adds at least one group",
                        "schedule.events[1].epoch is missing; it is the epoch, from 0, before which the event takes effect",
                        "schedule.events[1].freze is not a key; did you mean schedule.events[1].freeze?");
    }

    private List<String> problems(String events) {
        return Jobs.problems(directory, Jobs.TWO_GROUPS, "schedule.events=[" + events + "]");
    }
}
