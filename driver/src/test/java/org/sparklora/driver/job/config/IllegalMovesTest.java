package org.sparklora.driver.job.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.sparklora.driver.job.text.Facts.problem;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.job.freeze.EpochSchedule;

class IllegalMovesTest {

    @TempDir
    Path directory;

    @Test
    void playsEventsInTheOrderOfEpochs() {
        JobConfig job = Jobs.read(
                directory,
                Jobs.TWO_GROUPS,
                "schedule.events=[{epoch: 5, thaw: [bottom]}, {epoch: 4, freeze: [bottom]}, {epoch: 2, thaw: [bottom],"
                        + " freeze: [top]}, {epoch: 99, freeze: [bottom]}]");
        assertThat(job.schedule().events())
                .extracting(EpochSchedule.Event::epoch)
                .containsExactly(5, 4, 2, 99);
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
                        problem("config.event.illegal", "schedule.events[0].thaw", "'top'", "live at epoch 1"),
                        problem("config.event.illegal", "schedule.events[1].thaw", "'bottom'", "live at epoch 2"));
    }

    @Test
    void refusesToFreezeAGroupThatIsNotLive() {
        assertThat(problems("{epoch: 1, freeze: [top, bottom]}, {epoch: 2, freeze: [top]}"))
                .satisfiesExactly(
                        problem("config.event.illegal", "schedule.events[0].freeze", "'bottom'", "not live at epoch 1"),
                        problem("config.event.illegal", "schedule.events[1].freeze", "'top'", "frozen at epoch 2"));
    }

    @Test
    void doesNotCallAGroupOfAnInitialAdapterDormant() {
        assertThat(Jobs.problems(
                        directory,
                        Jobs.TWO_GROUPS,
                        "lora.init_adapter=/a",
                        "schedule.events=[{epoch: 1, freeze: [bottom]}]"))
                .satisfiesExactly(problem(
                        "config.event.illegal", "schedule.events[0].freeze", "'bottom'", "not live at epoch 1"));
    }

    @Test
    void refusesBothMovesInOneEvent() {
        assertThat(problems("{epoch: 1, thaw: [bottom], freeze: [bottom]}"))
                .satisfiesExactly(
                        problem("config.event.illegal", "schedule.events[0].freeze", "'bottom'", "same event"));
    }

    @Test
    void refusesTwoMovesAtOneMoment() {
        assertThat(problems("{epoch: 1, thaw: [bottom]}, {epoch: 1, freeze: [bottom]}"))
                .satisfiesExactly(problem(
                        "config.event.illegal", "schedule.events[1].freeze", "'bottom'", "another event", "epoch 1"));
    }

    @Test
    void playsEventsOfAnEpochInTheOrderOfSteps() {
        JobConfig job = Jobs.read(
                directory,
                Jobs.TWO_GROUPS,
                "schedule.events=[{epoch: 1, step: 9, freeze: [bottom]}, {epoch: 1, thaw: [bottom]}, {epoch: 1, step:"
                        + " 3, freeze: [top]}]");
        assertThat(job.schedule().events())
                .extracting(EpochSchedule.Event::when)
                .containsExactly("step 9 of epoch 1", "epoch 1", "step 3 of epoch 1");
        assertThat(problems("{epoch: 1, step: 9, thaw: [bottom]}, {epoch: 1, freeze: [bottom]}, {epoch: 2, step:"
                        + " 0, freeze: [top]}, {epoch: 2, thaw: [top]}"))
                .satisfiesExactly(
                        problem("config.event.illegal", "schedule.events[1].freeze", "'bottom'", "not live at epoch 1"),
                        problem(
                                "config.event.illegal",
                                "schedule.events[3].thaw",
                                "'top'",
                                "another event",
                                "epoch 2"));
        assertThat(problems("{epoch: 1, step: 9, thaw: [bottom]}, {epoch: 1, step: 9, freeze: [bottom]}"))
                .satisfiesExactly(problem(
                        "config.event.illegal",
                        "schedule.events[1].freeze",
                        "'bottom'",
                        "another event",
                        "step 9 of epoch 1"));
        assertThat(problems("{epoch: 1, step: -1, thaw: [bottom]}"))
                .satisfiesExactly(problem("config.value.invalid", "schedule.events[0].step='-1'", "0"));
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
        assertThat(problems("{epoch: 3, step: 7, " + add
                        + "}, {epoch: 3, step: 6, thaw: [side]}, {epoch: 2, freeze: [side]}, {epoch:"
                        + " 3, step: 8, thaw: [side]}"))
                .satisfiesExactly(
                        problem(
                                "config.event.illegal",
                                "schedule.events[2].freeze",
                                "'side'",
                                "schedule.events[0].add",
                                "step 7 of epoch 3"),
                        problem(
                                "config.event.illegal",
                                "schedule.events[1].thaw",
                                "'side'",
                                "schedule.events[0].add",
                                "step 7 of epoch 3"));
        assertThat(problems("{epoch: 3, " + add + "}, {epoch: 4, freeze: [side]}"))
                .satisfiesExactly(
                        problem("config.event.illegal", "schedule.events[1].freeze", "'side'", "not live at epoch 4"));
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
                .satisfiesExactly(
                        problem("config.list.duplicate", "schedule.live[2]='top'"),
                        problem("config.group.unknown", "schedule.live[0]='head'"),
                        problem("config.group.unknown", "schedule.groups[0]='botom'", "lora.groups", "bottom"),
                        problem("config.group.unknown", "schedule.events[0].thaw[0]='middle'", "lora.groups"),
                        problem("config.group.unknown", "schedule.events[0].freeze[0]='bias'"));
    }

    @Test
    void refusesAnEventWithoutEpochOrGroups() {
        assertThat(problems("{epoch: 1, thaw: [], freeze: []}, {thaw: [bottom], freze: []}"))
                .satisfiesExactly(
                        problem("config.key.missing", "schedule.events[0].thaw"),
                        problem("config.key.missing", "schedule.events[1].epoch", "0"),
                        problem("config.key.unknown", "schedule.events[1].freze", "schedule.events[1].freeze"));
    }

    private List<String> problems(String events) {
        return Jobs.problems(directory, Jobs.TWO_GROUPS, "schedule.events=[" + events + "]");
    }
}
