package org.sparklora.driver.job.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.sparklora.driver.job.text.Facts.problem;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.sparklora.driver.job.freeze.AutoFreeze;
import org.sparklora.driver.job.freeze.EpochSchedule;
import org.sparklora.driver.job.freeze.GradualThaw;
import org.sparklora.driver.job.freeze.Lisa;
import org.sparklora.driver.job.freeze.ThawOnPlateau;
import org.sparklora.driver.job.freeze.WithEvents;
import org.sparklora.driver.job.manifest.ModulePattern;
import org.sparklora.driver.job.manifest.PatternMap;
import org.sparklora.worker.contract.OptimizerStateOnThaw;

/** {@code schedule.policy}, the keys of each policy, and what they become. */
class SchedulePolicyTest {

    private static final String JOB = """
            model: {path: /m}
            data:
              train: {path: /d/train.csv}
              validation: {fraction: 0.1}
            output: /o
            lora:
              groups:
                top: {target_modules: [query], layers_to_transform: [2]}
                middle: {target_modules: [query], layers_to_transform: [1]}
                bottom: {target_modules: [query], layers_to_transform: [0]}
                side: {target_modules: [key]}
            schedule:
              live: [side]
              groups: [top, middle, bottom]
            """;

    private static final List<String> LIVE = List.of("side");
    private static final List<String> GROUPS = List.of("top", "middle", "bottom");
    private static final String ALL_LIVE = "schedule.live=[top, middle, bottom]";

    @TempDir
    Path directory;

    private ScheduleConfig schedule(String... sets) {
        return Jobs.read(directory, JOB, sets).schedule();
    }

    private List<String> problems(String... sets) {
        return Jobs.problems(directory, JOB, sets);
    }

    private static String[] of(Policy policy, String... more) {
        List<String> sets = new ArrayList<>(List.of("schedule.policy=" + YamlSection.word(policy)));
        if (policy == Policy.AUTOFREEZE) {
            sets.add(ALL_LIVE);
        } else if (policy == Policy.EPOCHS) {
            sets.add("schedule.groups=null");
        }
        sets.addAll(List.of(more));
        return sets.toArray(String[]::new);
    }

    @Test
    void defaults() {
        assertThat(schedule(of(Policy.EPOCHS)).policy()).isEqualTo(new EpochSchedule(LIVE, List.of()));
        assertThat(schedule(of(Policy.GRADUAL)).policy()).isEqualTo(new GradualThaw(LIVE, GROUPS, 1, 2.6));
        assertThat(schedule(of(Policy.PLATEAU)).policy())
                .isEqualTo(new ThawOnPlateau(
                        LIVE,
                        GROUPS,
                        new ThawOnPlateau.Watch("loss", 0.0, 3),
                        new ThawOnPlateau.Phase(1, OptionalInt.empty()),
                        true));
        assertThat(schedule(of(Policy.LISA)).policy())
                .isEqualTo(
                        new Lisa(LIVE, GROUPS, new Lisa.Draw(2, 20, new TreeMap<>()), OptimizerStateOnThaw.FRESH, 42));
        assertThat(schedule(of(Policy.AUTOFREEZE)).policy()).isEqualTo(new AutoFreeze(GROUPS, GROUPS, 50, 1));
        assertThat(schedule(of(Policy.LISA)).groups()).containsExactly("top", "middle", "bottom");
        assertThat(schedule(of(Policy.EPOCHS)).groups()).isEmpty();
    }

    @Test
    void aSingleGroupIsDrawnAlone() {
        assertThat(schedule(of(Policy.LISA, "schedule.groups=[top]")).policy())
                .isEqualTo(new Lisa(
                        LIVE, List.of("top"), new Lisa.Draw(1, 20, new TreeMap<>()), OptimizerStateOnThaw.FRESH, 42));
    }

    @Test
    void everyKeyWithEveryValueChanged() {
        assertThat(schedule(of(Policy.GRADUAL, "schedule.every=3", "schedule.learning_rate_decay=1.5"))
                        .policy())
                .isEqualTo(new GradualThaw(LIVE, GROUPS, 3, 1.5));
        assertThat(schedule(of(
                                Policy.PLATEAU,
                                "schedule.metric=accuracy",
                                "schedule.min_delta=0.01",
                                "schedule.patience=2",
                                "schedule.min_epochs=4",
                                "schedule.max_epochs=6",
                                "schedule.restore_best=false"))
                        .policy())
                .isEqualTo(new ThawOnPlateau(
                        LIVE,
                        GROUPS,
                        new ThawOnPlateau.Watch("accuracy", 0.01, 2),
                        new ThawOnPlateau.Phase(4, OptionalInt.of(6)),
                        false));
        assertThat(schedule(of(
                                Policy.LISA,
                                "schedule.sample=3",
                                "schedule.period=7",
                                "schedule.weights={top: 2, bottom: 0.5}",
                                "schedule.optimizer_state=keep"))
                        .policy())
                .isEqualTo(new Lisa(
                        LIVE,
                        GROUPS,
                        new Lisa.Draw(3, 7, new TreeMap<>(Map.of("top", 2.0, "bottom", 0.5))),
                        OptimizerStateOnThaw.KEEP,
                        42));
        assertThat(schedule(of(Policy.AUTOFREEZE, "schedule.percentile=75.5", "schedule.window=2"))
                        .policy())
                .isEqualTo(new AutoFreeze(GROUPS, GROUPS, 75.5, 2));
    }

    @Test
    void becomesThePolicyOfTheRun() {
        List<String> groups = GROUPS;
        List<String> live = LIVE;
        assertThat(schedule(of(Policy.EPOCHS)).freezePolicy()).isEqualTo(new EpochSchedule(live, List.of()));
        assertThat(schedule(of(Policy.GRADUAL)).freezePolicy()).isEqualTo(new GradualThaw(live, groups, 1, 2.6));
        assertThat(schedule(of(Policy.PLATEAU, "schedule.max_epochs=5", "schedule.min_delta=0.5"))
                        .freezePolicy())
                .isEqualTo(new ThawOnPlateau(
                        live,
                        groups,
                        new ThawOnPlateau.Watch("loss", 0.5, 3),
                        new ThawOnPlateau.Phase(1, OptionalInt.of(5)),
                        true));
        assertThat(schedule(of(Policy.LISA, "seed=7")).freezePolicy())
                .isEqualTo(
                        new Lisa(live, groups, new Lisa.Draw(2, 20, new TreeMap<>()), OptimizerStateOnThaw.FRESH, 7));
        assertThat(schedule(of(Policy.AUTOFREEZE)).freezePolicy()).isEqualTo(new AutoFreeze(groups, groups, 50, 1));
        String event = "schedule.events=[{epoch: 2, step: 5, freeze: [side]}]";
        EpochSchedule events = new EpochSchedule(
                live,
                List.of(new EpochSchedule.Event(
                        2, OptionalInt.of(5), List.of(), List.of(), live, OptimizerStateOnThaw.KEEP)));
        assertThat(schedule(of(Policy.EPOCHS, event)).freezePolicy()).isEqualTo(events);
        assertThat(schedule(of(Policy.GRADUAL, event)).freezePolicy())
                .isEqualTo(new WithEvents(new GradualThaw(live, groups, 1, 2.6), events));
    }

    @ParameterizedTest
    @EnumSource(Policy.class)
    void whatARunStoresReadsBackEqual(Policy policy) {
        JobConfig job = Jobs.read(
                directory,
                JOB,
                of(
                        policy,
                        "schedule.events=[{epoch: 3, step: 2, add: {late: {target_modules: [value], r: 3}}, thaw:"
                                + " [late]}]",
                        policy == Policy.LISA ? "schedule.weights={top: 2}" : "seed=3"));
        assertThat(JobFile.resolved("there/config.yaml", ResolvedYaml.write(job)))
                .isEqualTo(job);
    }

    @Test
    void writesEveryKeyOfThePolicy() {
        String yaml = ResolvedYaml.write(Jobs.read(
                directory,
                JOB,
                of(Policy.PLATEAU, "schedule.events=[{epoch: 3, add: {late: {target_modules: [value], r: 3}}}]")));
        assertThat(yaml).contains("""
                        schedule:
                          policy: plateau
                          live:
                          - side
                          groups:
                          - top
                          - middle
                          - bottom
                          events:
                          - epoch: 3
                            step: null
                            add:
                              late:
                                target_modules:
                                - value
                                exclude_modules: null
                                layers_to_transform: null
                                purpose: ''
                                r: 3
                                lora_alpha: 16.0
                                lora_dropout: 0.05
                                rank_pattern: null
                                alpha_pattern: null
                                learning_rate_scale: 1.0
                                warmup_steps: 0
                            thaw: []
                            freeze: []
                            optimizer_state: keep
                          metric: loss
                          min_delta: 0.0
                          patience: 3
                          min_epochs: 1
                          max_epochs: null
                          restore_best: true
                        """);
        assertThat(yaml.substring(0, yaml.indexOf("schedule:"))).doesNotContain("late");
    }

    /** Each key with the only policy that takes it, and a value. */
    private static final Map<String, String> TAKERS = new TreeMap<>(Map.ofEntries(
            Map.entry("every: 2", "gradual"),
            Map.entry("learning_rate_decay: 2", "gradual"),
            Map.entry("metric: loss", "plateau"),
            Map.entry("min_delta: 0", "plateau"),
            Map.entry("patience: 2", "plateau"),
            Map.entry("min_epochs: 2", "plateau"),
            Map.entry("max_epochs: 2", "plateau"),
            Map.entry("restore_best: true", "plateau"),
            Map.entry("sample: 1", "lisa"),
            Map.entry("period: 3", "lisa"),
            Map.entry("weights: {top: 1}", "lisa"),
            Map.entry("optimizer_state: keep", "lisa"),
            Map.entry("percentile: 50", "autofreeze"),
            Map.entry("window: 2", "autofreeze")));

    static Stream<Arguments> foreignKeys() {
        return Stream.of(Policy.values())
                .flatMap(policy -> TAKERS.entrySet().stream()
                        .filter(key -> !key.getValue().equals(YamlSection.word(policy)))
                        .map(key -> Arguments.of(policy, key.getKey(), key.getValue())));
    }

    @ParameterizedTest
    @MethodSource("foreignKeys")
    void refusesTheKeysOfOtherPolicies(Policy policy, String keyAndValue, String taker) {
        String key = keyAndValue.substring(0, keyAndValue.indexOf(':'));
        assertThat(problems(of(policy, "schedule." + keyAndValue.replaceFirst(": ", "="))))
                .satisfiesExactly(problem("config.value.conflict", "schedule." + key, policy.label(), taker));
    }

    @Test
    void aKeyThatIsNullIsLeftOut() {
        assertThat(schedule(of(Policy.EPOCHS, "schedule.period=null", "schedule.window=~"))
                        .policy())
                .isEqualTo(new EpochSchedule(LIVE, List.of()));
    }

    @Test
    void epochsTakesNoGroups() {
        assertThat(problems("schedule.policy=epochs"))
                .satisfiesExactly(problem("config.value.conflict", "schedule.groups", "schedule.policy"));
    }

    @ParameterizedTest
    @EnumSource(value = Policy.class, mode = EnumSource.Mode.EXCLUDE, names = "EPOCHS")
    void theOthersNeedGroups(Policy policy) {
        for (String empty : List.of("schedule.groups=null", "schedule.groups=[]")) {
            assertThat(problems(of(policy, empty))).satisfiesExactly(problem("config.key.missing", "schedule.groups"));
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "gradual | every=0 | config.value.invalid | schedule.every='0'; 1",
                "gradual | learning_rate_decay=0.5 | config.value.invalid | schedule.learning_rate_decay='0.5'; 1",
                "plateau | metric=f2 | config.value.invalid | schedule.metric='f2'; accuracy, auc, f1, loss",
                "plateau | min_delta=-0.1 | config.value.invalid | schedule.min_delta='-0.1'; 0",
                "plateau | patience=0 | config.value.invalid | schedule.patience='0'; 1",
                "plateau | min_epochs=0 | config.value.invalid | schedule.min_epochs='0'; 1",
                "plateau | max_epochs=x | config.value.invalid | schedule.max_epochs='x'; 1",
                "plateau | restore_best=1 | config.value.invalid | schedule.restore_best='1'",
                "plateau | data.validation=null | config.value.conflict | schedule.policy='plateau'",
                "lisa | sample=0 | config.value.invalid | schedule.sample='0'; 1",
                "lisa | sample=4 | config.policy.invalid | schedule.sample=4; 3; schedule.groups",
                "lisa | period=0 | config.value.invalid | schedule.period='0'; 1",
                "lisa | weights={top: 0} | config.value.invalid | schedule.weights.top='0'; 0",
                "lisa | weights=[top] | config.value.invalid | schedule.weights=['top']",
                "lisa | weights={side: 2} | config.policy.invalid | schedule.weights.side; schedule.groups",
                "lisa | optimizer_state=old | config.value.invalid | schedule.optimizer_state='old'; keep, fresh,"
                        + " decay",
                "lisa | live=[top] | config.policy.invalid | schedule.live[0]='top'; schedule.groups",
                "autofreeze | percentile=0 | config.value.invalid | schedule.percentile='0'; 0; 100",
                "autofreeze | percentile=101 | config.value.invalid | schedule.percentile='101'; 0; 100",
                "autofreeze | window=0 | config.value.invalid | schedule.window='0'; 1",
                "autofreeze | live=[top, middle] | config.policy.invalid | schedule.live; bottom; schedule.groups",
            })
    void refusesBadValues(String policy, String set, String code, String facts) {
        String path = set.startsWith("data.") ? set : "schedule." + set;
        assertThat(problems(of(Policy.valueOf(policy.toUpperCase(java.util.Locale.ROOT)), path)))
                .satisfiesExactly(problem(code, facts.split("; ", -1)));
    }

    @Test
    void refusesAMinimumAboveTheMaximum() {
        assertThat(problems(of(Policy.PLATEAU, "schedule.min_epochs=3", "schedule.max_epochs=2")))
                .satisfiesExactly(problem("config.policy.invalid", "schedule.min_epochs=3", "schedule.max_epochs=2"));
    }

    @Test
    void refusesEventsForGroupsThatThePolicyMoves() {
        assertThat(problems(of(Policy.GRADUAL, "schedule.events=[{epoch: 1, thaw: [top], freeze: [side, bottom]}]")))
                .satisfiesExactly(
                        problem("config.value.conflict", "schedule.events[0].thaw", "top", "schedule.groups"),
                        problem("config.value.conflict", "schedule.events[0].freeze", "bottom", "schedule.groups"));
    }

    @Test
    void whereANameIsWrongNothingElseIsSaidOfTheLists() {
        assertThat(problems(of(Policy.LISA, "schedule.groups=[tip]", "schedule.sample=2")))
                .satisfiesExactly(problem("config.group.unknown", "schedule.groups[0]='tip'", "lora.groups", "top"));
    }

    @Test
    void metricsAreThoseOfTheTask() {
        assertThat(schedule(of(Policy.PLATEAU, "model.task=regression", "schedule.metric=spearman"))
                        .policy())
                .isEqualTo(new ThawOnPlateau(
                        LIVE,
                        GROUPS,
                        new ThawOnPlateau.Watch("spearman", 0.0, 3),
                        new ThawOnPlateau.Phase(1, OptionalInt.empty()),
                        true));
        assertThat(problems(of(Policy.PLATEAU, "model.task=regression", "schedule.metric=accuracy")))
                .satisfiesExactly(
                        problem("config.value.invalid", "schedule.metric='accuracy'", "loss, mse, pearson, spearman"));
    }

    @Test
    void anAddedGroupInheritsPatternsAndReadsBackEqual() {
        JobConfig job = Jobs.read(
                directory,
                JOB,
                of(
                        Policy.GRADUAL,
                        "lora.rank_pattern={value: 3}",
                        "lora.exclude_modules=[pooler.dense]",
                        "schedule.events=[{epoch: 3, add: {late: {target_modules: all-linear}}, thaw: [late]}]"));
        GroupConfig late = java.util.Objects.requireNonNull(job.lora().groups().get("late"));
        assertThat(late.rankPattern()).isEqualTo(PatternMap.of(Map.of("value", 3)));
        assertThat(late.excludeModules()).isEqualTo(new ModulePattern.Names(List.of("pooler.dense")));
        String yaml = ResolvedYaml.write(job);
        assertThat(yaml).containsOnlyOnce("value: 3");
        assertThat(Jobs.read(directory, yaml)).isEqualTo(job);
    }

    @Test
    void anAddedGroupIsDeclaredBesideTheOthers() {
        JobConfig job = Jobs.read(
                directory,
                JOB,
                of(
                        Policy.GRADUAL,
                        "lora.r=4",
                        "schedule.events=[{epoch: 5, thaw: [late]}, {epoch: 3, add: {late: {target_modules: [value]},"
                                + " last: {target_modules: [output.dense], r: 2}}, thaw: [last]}]"));
        assertThat(job.lora().groups().keySet()).isEqualTo(Set.of("top", "middle", "bottom", "side", "late", "last"));
        assertThat(job.lora().groups().get("late"))
                .isEqualTo(new GroupConfig(
                        new ModulePattern.Names(List.of("value")),
                        ModulePattern.NONE,
                        List.of(),
                        "",
                        4,
                        16,
                        0.05,
                        PatternMap.none(),
                        PatternMap.none(),
                        1.0,
                        0));
        assertThat(job.schedule().events().get(1).add()).containsExactly("late", "last");
        assertThat(job.schedule().events().get(0).add()).isEmpty();
    }

    @Test
    void readsAnAddedGroupAsAnyOther() {
        assertThat(problems(of(
                        Policy.GRADUAL,
                        "schedule.events=[{epoch: 3, add: {la te: {target_modules: [value]}, head: {target_modules:"
                                + " []}, late: {r: 0, purpos: x}}}]")))
                .satisfiesExactly(
                        problem("config.group.name", "schedule.events[0].add.la"),
                        problem("config.group.name", "schedule.events[0].add.head"),
                        problem("config.value.invalid", "schedule.events[0].add.head.target_modules"),
                        problem("config.key.missing", "schedule.events[0].add.late.target_modules"),
                        problem("config.value.invalid", "schedule.events[0].add.late.r='0'", "1"),
                        problem(
                                "config.key.unknown",
                                "schedule.events[0].add.late.purpos",
                                "schedule.events[0].add.late.purpose"));
    }

    @Test
    void refusesAGroupThatIsDeclaredTwice() {
        assertThat(problems(of(
                        Policy.GRADUAL,
                        "schedule.events=[{epoch: 3, add: {side: {target_modules: [value]}, late: {target_modules:"
                                + " [value]}}}, {epoch: 4, add: {late: {target_modules: [value]}}}]")))
                .satisfiesExactly(
                        problem("config.group.duplicate", "schedule.events[0].add.side", "lora.groups"),
                        problem("config.group.duplicate", "schedule.events[1].add.late", "schedule.events[0].add"));
    }

    @Test
    void anAddedGroupIsNeitherLiveAtTheStartNorThePolicys() {
        assertThat(problems(of(
                        Policy.GRADUAL,
                        "schedule.live=[late]",
                        "schedule.groups=[top, late]",
                        "schedule.events=[{epoch: 3, add: {late: {target_modules: [value]}}}]")))
                .satisfiesExactly(
                        problem("config.group.unknown", "schedule.live[0]='late'", "lora.groups"),
                        problem("config.group.unknown", "schedule.groups[1]='late'", "lora.groups"));
    }
}
