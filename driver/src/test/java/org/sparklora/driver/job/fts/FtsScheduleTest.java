package org.sparklora.driver.job.fts;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.sparklora.driver.job.config.ConfigException;

class FtsScheduleTest {

    @TempDir
    Path directory;

    private FtsSchedule read(String yaml) throws IOException {
        return FtsSchedule.read(Files.writeString(directory.resolve("schedule.yaml"), yaml));
    }

    private List<String> problems(String yaml) throws IOException {
        Path file = Files.writeString(directory.resolve("schedule.yaml"), yaml);
        return refusal(file).problems();
    }

    private static ConfigException refusal(Path file) {
        ConfigException refusal = catchThrowableOfType(ConfigException.class, () -> FtsSchedule.read(file));
        assertThat(refusal).as("a refusal of %s", file).isNotNull();
        return refusal;
    }

    @Test
    void readsEveryKeyInWhateverOrderThePhasesStand() throws IOException {
        FtsSchedule schedule = read("""
                1:
                  params: [b.weight, "b.*bias"]
                  lr: 1e-04
                  new_lr_scheduler: {lr_scheduler_init: {class_path: x.Y, init_args: {gamma: 0.7}}}
                  new_optimizer: {optimizer_init: {class_path: x.Z}}
                '0':
                  params:
                  - a.weight
                  max_transition_epoch: 3
                2: {params: [c.weight], max_transition_epoch: -1, lr: "2.5E-5"}
                3: {params: [d.weight], max_transition_epoch: null, lr: ~}
                """);
        assertThat(schedule.file()).isEqualTo(directory.resolve("schedule.yaml").toString());
        assertThat(schedule.phases())
                .containsExactly(
                        new FtsSchedule.Phase(
                                0, List.of("a.weight"), OptionalInt.of(3), OptionalDouble.empty(), List.of()),
                        new FtsSchedule.Phase(
                                1,
                                List.of("b.weight", "b.*bias"),
                                OptionalInt.empty(),
                                OptionalDouble.of(1e-4),
                                List.of("new_optimizer", "new_lr_scheduler")),
                        new FtsSchedule.Phase(
                                2, List.of("c.weight"), OptionalInt.empty(), OptionalDouble.of(2.5e-5), List.of()),
                        new FtsSchedule.Phase(
                                3, List.of("d.weight"), OptionalInt.empty(), OptionalDouble.empty(), List.of()));
    }

    @Test
    void tellsAllProblemsAtOnce() throws IOException {
        Path file = Files.writeString(directory.resolve("schedule.yaml"), """
                0:
                  parms: [a.weight]
                  max_transition_epoch: soon
                  colour: red
                1:
                  params: []
                  lr: 0
                  lr: 1
                2:
                  params: [a.weight, b.weight, {c: d}, "(", ""]
                  lr: fast
                3: {params: b.weight}
                4: [a, b]
                5: {params: [b.weight, b.weight]}
                """);
        assertThat(refusal(file).problems())
                .containsExactly(
                        "0.parms is not a key; did you mean 0.params?",
                        "0.colour is not a key; the keys of a phase are params, max_transition_epoch, lr, new_optimizer,"
                                + " new_lr_scheduler",
                        "0.params is missing; it lists the parameters that learn from phase 0 on",
                        "0.max_transition_epoch='soon' must be a whole number: the epoch, from 0, before which phase 1"
                                + " begins, or -1 for none",
                        "1.lr is given twice, in lines 7 and 8; keep one",
                        "1.params is empty; list at least one parameter, or remove the phase",
                        "1.lr='0' must be a number above 0",
                        "2.params[2] must be the name of a parameter, or a regular expression",
                        "2.params[3]='(' is no regular expression: Unclosed group at position 1",
                        "2.params[4] must be the name of a parameter, or a regular expression",
                        "2.lr='fast' must be a number above 0",
                        "3.params='b.weight' must be a list of parameters",
                        "4 must be a map of keys, with params: among them",
                        "5.params[0]='b.weight' stands in 2.params[1] already; keep one",
                        "5.params[1]='b.weight' stands in 2.params[1] already; keep one");
        assertThat(refusal(file))
                .hasMessageStartingWith(
                        file + ": 15 problems\n0.parms is not a key; did you mean 0.params?\n0.colour ");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            0 2 3     | the phases are 0, 2, 3, without 1; number them from 0 without a gap
            1 2       | the phases are 1, 2, without 0; number them from 0 without a gap
            0 1 third | 'third' is no phase; phases are numbered 0, 1, 2 and so on
            0 -1      | '-1' is no phase; phases are numbered 0, 1, 2 and so on
            0 00      | '00' is no phase; phases are numbered 0, 1, 2 and so on
            0 1 1     | 1 is given twice, in lines 2 and 3; keep one
            """)
    void phasesCountFromZero(String phases, String problem) throws IOException {
        StringBuilder yaml = new StringBuilder();
        for (String phase : phases.split(" ")) {
            yaml.append(phase + ": {params: [p" + yaml.length() + ".weight]}\n");
        }
        assertThat(problems(yaml.toString())).containsExactly(problem);
    }

    @Test
    void aPhaseThatEndsBeforeItCanBeginIsRefused() throws IOException {
        assertThat(problems("""
                0: {params: [a.weight], max_transition_epoch: 0}
                1: {params: [b.weight], max_transition_epoch: 4}
                2: {params: [c.weight]}
                3: {params: [d.weight], max_transition_epoch: 4}
                4: {params: [e.weight], max_transition_epoch: 3}
                5: {params: [f.weight], max_transition_epoch: 5}
                """))
                .containsExactly(
                        "0.max_transition_epoch=0 must be above 0: phase 0 begins at epoch 0",
                        "3.max_transition_epoch=4 must be above 4: phase 2 may begin as late as that",
                        "4.max_transition_epoch=3 must be above 4: phase 4 may begin as late as that");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            `0: {params: [a`    | line 1: not valid YAML: expected ',' or ']', but got <stream end>
            ``                  | the file must hold a map of phases: 0: with params: under it, then 1: and so on
            `- a`               | the file must hold a map of phases: 0: with params: under it, then 1: and so on
            `[a]: {params: [b]}`| line 1: a key must be a number or a plain word
            """)
    void refusesWhatIsNoSchedule(String yaml, String problem) throws IOException {
        assertThat(problems(yaml)).containsExactly(problem);
    }

    @Test
    void aYamlTagConstructsNothing() throws IOException {
        assertThat(problems("0: {params: [!!java.net.URL [\"http://localhost\"]]}"))
                .containsExactly("line 1: not valid YAML: Global tag is not allowed: tag:yaml.org,2002:java.net.URL");
    }

    @Test
    void saysWhyAFileCannotBeRead() throws IOException {
        assertThat(refusal(directory)).hasMessage(directory + ": this is a directory; name the schedule file in it");
        Path none = directory.resolve("none.yaml");
        assertThat(refusal(none)).hasMessage(none + ": there is no such file; check the path after --from-fts");
        Path latin = Files.write(directory.resolve("latin.yaml"), "0: ä".getBytes(StandardCharsets.ISO_8859_1));
        assertThat(refusal(latin)).hasMessage(latin + ": the file is not UTF-8; save it as UTF-8");
    }
}
