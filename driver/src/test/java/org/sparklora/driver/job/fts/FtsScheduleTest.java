package org.sparklora.driver.job.fts;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.sparklora.driver.job.text.Facts.problem;

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
                .satisfiesExactly(
                        problem("config.key.duplicate", "1.lr", "7", "8"),
                        problem("config.key.unknown", "0.parms", "0.params"),
                        problem("config.key.unknown", "0.colour", "params", "new_lr_scheduler"),
                        problem("config.key.missing", "0.params", "phase 0"),
                        problem("config.value.invalid", "0.max_transition_epoch='soon'", "phase 1", "-1"),
                        problem("config.value.invalid", "1.params"),
                        problem("config.value.invalid", "1.lr='0'", "above 0"),
                        problem("config.value.invalid", "2.params[2]"),
                        problem("config.pattern.invalid", "2.params[3]='('", "1"),
                        problem("config.value.invalid", "2.params[4]"),
                        problem("config.value.invalid", "2.lr='fast'", "above 0"),
                        problem("config.value.invalid", "3.params='b.weight'"),
                        problem("config.value.invalid", "4="),
                        problem("config.fts.params", "5.params[0]='b.weight'", "2.params[1]"),
                        problem("config.fts.params", "5.params[1]='b.weight'", "2.params[1]"));
        assertThat(refusal(file)).hasMessageStartingWith(file + ": 15 problems [config.invalid]\n");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            0 2 3     | config.fts.phase     | [0, 2, 3]; 1
            1 2       | config.fts.phase     | [1, 2]; 0
            0 1 third | config.fts.phase     | 'third'
            0 -1      | config.fts.phase     | '-1'
            0 00      | config.fts.phase     | '00'
            0 1 1     | config.key.duplicate | 1; 2; 3
            """)
    void phasesCountFromZero(String phases, String code, String facts) throws IOException {
        StringBuilder yaml = new StringBuilder();
        for (String phase : phases.split(" ")) {
            yaml.append(phase + ": {params: [p" + yaml.length() + ".weight]}\n");
        }
        assertThat(problems(yaml.toString())).satisfiesExactly(problem(code, facts.split("; ", -1)));
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
                .satisfiesExactly(
                        problem("config.fts.phase", "0.max_transition_epoch=0", "0", "0", "0"),
                        problem("config.fts.phase", "3.max_transition_epoch=4", "4", "2"),
                        problem("config.fts.phase", "4.max_transition_epoch=3", "4", "4"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            `0: {params: [a`    | config.yaml.syntax  | line 1
            ``                  | config.file.content | 0:
            `- a`               | config.file.content | 0:
            `[a]: {params: [b]}`| config.yaml.syntax  | line 1
            """)
    void refusesWhatIsNoSchedule(String yaml, String code, String fact) throws IOException {
        assertThat(problems(yaml)).satisfiesExactly(problem(code, fact));
    }

    @Test
    void aYamlTagConstructsNothing() throws IOException {
        assertThat(problems("0: {params: [!!java.net.URL [\"http://localhost\"]]}"))
                .satisfiesExactly(problem("config.yaml.syntax", "line 1", "2002"));
    }

    @Test
    void saysWhyAFileCannotBeRead() throws IOException {
        assertThat(refusal(directory)).hasMessageStartingWith(directory + ": ");
        Path none = directory.resolve("none.yaml");
        assertThat(refusal(none))
                .hasMessageStartingWith(none + ": ")
                .hasMessageContaining("--from-fts")
                .hasMessageEndingWith("[config.file.unreadable]");
        Path latin = Files.write(directory.resolve("latin.yaml"), "0: ä".getBytes(StandardCharsets.ISO_8859_1));
        assertThat(refusal(latin)).hasMessageStartingWith(latin + ": ").hasMessageContaining("UTF-8");
    }
}
