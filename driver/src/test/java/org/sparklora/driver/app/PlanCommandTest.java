package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparklora.driver.training.ExitCode;

/** What {@code plan} prints, and that a run then does it. */
class PlanCommandTest {

    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    private Path folder;

    private SmallJob small;

    @BeforeEach
    void writeJob() {
        small = new SmallJob(folder);
    }

    private TrainingJob.Ended plan(String... arguments) {
        return planUnder("local[2]", arguments);
    }

    private TrainingJob.Ended planUnder(String master, String... arguments) {
        List<String> args = new ArrayList<>(
                List.of("plan", "--config", folder.resolve("job.yaml").toString()));
        for (String argument : arguments) {
            if (!argument.startsWith("--")) {
                args.add("--set");
            }
            args.add(argument);
        }
        return TrainingJob.run(master, args.toArray(String[]::new));
    }

    private JsonNode json(String... arguments) throws JsonProcessingException {
        List<String> all = new ArrayList<>(List.of(arguments));
        all.add("--json");
        TrainingJob.Ended ended = plan(all.toArray(String[]::new));
        assertThat(ended.code()).as(ended.err()).isZero();
        return JSON.readTree(ended.out());
    }

    @Test
    void tellsAPersonWhatTheJobWouldDo() {
        TrainingJob.Ended ended = plan(
                "lora.groups.top.purpose=what the task asks for",
                "schedule.events=[{epoch: 1, step: 1, thaw: [bottom]}]");
        assertThat(ended.code()).as(ended.err()).isZero();
        List<String> lines = ended.out().lines().map(String::stripTrailing).toList();
        assertThat(lines.get(0)).isEqualTo("job");
        assertThat(lines)
                .anySatisfy(line ->
                        assertThat(line).contains("model", small.model().toString(), "2 layers", "width 24", "64.0 kB"))
                .anySatisfy(line -> assertThat(line).contains("data", "4 training rows", "4.8 tokens", "6 at most"))
                .anySatisfy(line -> assertThat(line).contains("steps", "2 epochs of 2", "2 rows", "2 shards"))
                .anySatisfy(line -> assertThat(line).matches(" +policy +epochs"))
                .anySatisfy(line -> assertThat(line).contains("bottom:", "1 module,", "r 4", "192", "768", "2.50e-04"))
                .anySatisfy(line -> assertThat(line).contains("top:", "2 modules", "r 4", "384", "1,536", "1.00e-03"))
                .anySatisfy(line -> assertThat(line).contains("what the task asks for"))
                .anySatisfy(line -> assertThat(line).contains("head:", "50 parameters", "200 bytes"))
                .anySatisfy(line -> assertThat(line).contains("64.0 kB", "9.6 kB", "1 row of 6 tokens", "10.0 kB"))
                .anySatisfy(line -> assertThat(line).contains("2 tasks", "103.3 kB"))
                .anySatisfy(line -> assertThat(line).contains("activation cache", "1.8 kB"));
        int table = IntStream.range(0, lines.size())
                .filter(i -> lines.get(i).startsWith("timeline"))
                .findFirst()
                .orElseThrow();
        assertThat(lines.subList(table + 1, table + 5))
                .satisfiesExactly(
                        header -> assertThat(header)
                                .matches("  epoch +live +frozen +dormant +lowest live +cost +bytes/step +cache"),
                        first -> assertThat(first).matches("  0 +top +- +bottom +layer 1 +0\\.66 +1,736 +1\\.8 kB new"),
                        second -> assertThat(second)
                                .matches(
                                        "  1 +bottom \\(50%\\) top +- +- +layer 0 to layer 1 +0\\.83 +1,736 to 2,504 +-"),
                        move -> assertThat(move)
                                .contains("thaw bottom", "schedule.events[0]", "before step 1 of epoch 1"));
        assertThat(lines.get(table + 5)).contains("0.74", "7.7 kB");
    }

    @Test
    void whatComesOnTopWhereTheBaseDropsOutIsSaid() {
        assertThat(plan("execution.base_dropout=0.1").out()).contains("execution.base_dropout");
        assertThat(plan("execution.base_dropout=0").out()).doesNotContain("execution.base_dropout");
    }

    @Test
    void whatIsPlannedIsWhatTheRunRecords() throws IOException {
        String[] job = {
            "training.num_train_epochs=4",
            "lora.groups.side={target_modules: [key]}",
            "schedule={policy: lisa, live: [], groups: [top, bottom], sample: 1, period: 3, events: [{epoch: 2, step: 1, thaw:"
                    + " [side]}]}"
        };
        JsonNode plan = json(job);
        TrainingJob.Ended run = small.train(job);
        assertThat(run.code()).as(run.err()).isZero();

        List<String> planned = new ArrayList<>();
        List<String> sizes = new ArrayList<>();
        for (JsonNode epoch : plan.at("/timelines/0/epochs")) {
            JsonNode first = epoch.at("/stretches/0");
            sizes.add(first.get("live") + " " + first.get("frozen") + " " + first.get("dormant") + " "
                    + first.get("trainable_parameters") + " " + first.get("all_reduce_bytes_per_step") + " "
                    + epoch.get("activation_cache"));
            epoch.get("stretches")
                    .forEach(stretch -> stretch.get("moves")
                            .forEach(move -> planned.add(
                                    epoch.get("epoch") + " " + move.get("event").asText() + " " + move.get("group")
                                            + " " + move.get("reason"))));
        }
        List<String> recorded = new ArrayList<>();
        for (String line : Files.readAllLines(small.output().resolve("history.jsonl"))) {
            JsonNode event = JSON.readTree(line);
            String name = event.get("event").asText();
            if (name.equals("thaw") || name.equals("freeze")) {
                recorded.add(event.get("epoch") + " " + name + " " + event.get("group") + " " + event.get("reason"));
            }
        }
        assertThat(planned).hasSizeGreaterThan(3).isEqualTo(recorded);
        assertThat(sizes)
                .isEqualTo(TrainingJob.events(small.output(), "epoch_start").stream()
                        .map(e -> e.get("live") + " " + e.get("frozen") + " " + e.get("dormant") + " "
                                + e.get("trainable_parameters") + " " + e.get("all_reduce_bytes_per_step") + " "
                                + e.get("activation_cache"))
                        .toList());

        long sent = 0;
        long total = 0;
        for (JsonNode epoch : plan.at("/timelines/0/epochs")) {
            total += epoch.get("all_reduce_bytes").asLong();
            for (JsonNode stretch : epoch.get("stretches")) {
                sent += stretch.get("steps").asLong()
                        * stretch.get("all_reduce_bytes_per_step").asLong();
            }
        }
        assertThat(plan.at("/timelines/0/all_reduce_bytes").asLong())
                .isEqualTo(sent)
                .isEqualTo(total);

        // The highest rate of a group is the highest that the history shows.
        TreeMap<String, Double> highest = new TreeMap<>();
        for (JsonNode step : TrainingJob.events(small.output(), "step")) {
            step.get("learning_rate")
                    .fields()
                    .forEachRemaining(
                            rate -> highest.merge(rate.getKey(), rate.getValue().asDouble(), Math::max));
        }
        for (JsonNode group : plan.get("groups")) {
            if (group.has("modules")) {
                assertThat(group.at("/highest_learning_rate/exact").asDouble())
                        .as(group.get("name").asText())
                        .isEqualTo(highest.get(group.get("name").asText()));
            }
        }
    }

    @Test
    void metricsGiveTwoTimelinesAndAnEarliestEnd() throws JsonProcessingException {
        String[] job = {
            "training.num_train_epochs=9",
            "data.validation={fraction: 0.5}",
            "schedule={policy: plateau, live: [top], groups: [top, bottom], patience: 2, max_epochs: 4}"
        };
        JsonNode plan = json(job);
        assertThat(plan.get("may_end_before_epoch").asInt()).isEqualTo(6);
        assertThat(plan.at("/timelines/0/kind").asText()).isEqualTo("earliest");
        assertThat(plan.at("/timelines/0/epochs/2/stretches/0/dormant").toString())
                .isEqualTo("[\"bottom\"]");
        assertThat(plan.at("/timelines/0/epochs/3/stretches/0/live").toString()).isEqualTo("[\"bottom\",\"top\"]");
        assertThat(plan.at("/timelines/1/kind").asText()).isEqualTo("latest");
        assertThat(plan.at("/timelines/1/epochs/3/stretches/0/dormant").toString())
                .isEqualTo("[\"bottom\"]");
        assertThat(plan.at("/timelines/1/epochs/4/stretches/0/live").toString()).isEqualTo("[\"bottom\",\"top\"]");
        assertThat(plan(job).out())
                .contains("the policy may end the run before epoch 6")
                .containsPattern("(?m)^timeline.* as early as ")
                .containsPattern("(?m)^timeline.* as late as ");
    }

    @Test
    void trapsAreWarnedOf() {
        TrainingJob.Ended ended = plan(
                "model.path=" + TrainingJob.TINY_MODEL,
                "lora.groups={top: {target_modules: [1.attention.self.query], warmup_steps: 5}, side: {target_modules:"
                        + " [2.attention.self.query]}}",
                "schedule={live: [top], events: [{epoch: 9, thaw: [side]}]}");
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(ended.out().lines().filter(line -> line.startsWith("warning: ")))
                .satisfiesExactly(
                        peft -> assertThat(peft)
                                .contains(
                                        "lora.groups.top.target_modules[0]='1.attention.self.query'",
                                        "'bert.encoder.layer.11.attention.self.query'",
                                        "PEFT 0.3.0"),
                        late -> assertThat(late).contains("schedule.events[0]", "epoch 9", "2 epochs"),
                        never -> assertThat(never).contains("'side'", "never trains"),
                        warmUp -> assertThat(warmUp)
                                .contains("lora.groups.top.warmup_steps=5", "4 steps", "from epoch 0"));
    }

    @Test
    void aPlanWritesNothing() throws IOException {
        assertThat(plan("output=" + small.output()).code()).isZero();
        assertThat(small.output()).doesNotExist();
        try (var files = Files.list(folder)) {
            assertThat(files.map(f -> f.getFileName().toString()))
                    .containsExactlyInAnyOrder("job.yaml", "model", "train.csv");
        }
    }

    @Test
    void refusesWhatARunWouldRefuse() {
        small.refused(
                planUnder("none", "schedule.events=[{epoch: 1, thaw: [top]}]"),
                ExitCode.USAGE,
                "DIR/job.yaml: schedule.events[0].thaw names group 'top', which is live at epoch 1 already; remove it");
        small.write("train.csv", "text,label\ngood,yes\nbad,no\nugly,\n");
        TrainingJob.Ended ended = plan();
        assertThat(ended.code()).isEqualTo(ExitCode.DATA.code());
        assertThat(ended.err()).contains("row 3: the label is missing or empty");
    }

    @Test
    void saysHowItIsUsed() {
        assertThat(TrainingJob.run("none", "plan").err()).contains("--config", "--from-fts", "[usage.option-missing]");
        assertThat(planUnder("none", "--model=x").code()).isEqualTo(ExitCode.USAGE.code());
    }

    /** Every job file of {@code conf} that needs nothing but what the build makes. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "quickstart.yaml",
                "policies/epochs.yaml",
                "policies/gradual.yaml",
                "policies/plateau.yaml",
                "policies/lisa.yaml",
                "policies/autofreeze.yaml"
            })
    void theExamplesPlanWithoutAWarning(String file) throws IOException {
        // As many rows as the sample data has, and so as many steps.
        Path rows = Files.writeString(
                folder.resolve("as-many.csv"), "text,label\n" + "good movie,yes\nbad movie,no\n".repeat(1280));
        TrainingJob.Ended ended = TrainingJob.run(
                "local[2]",
                "plan",
                "--config",
                TrainingJob.ROOT.resolve("conf").resolve(file).toString(),
                "--set",
                TrainingJob.format("data={train: {path: '%s'}, validation: {path: '%s'}}", rows, rows));
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(ended.out()).contains("timeline").doesNotContain("warning");
    }

    @Test
    void aScheduleOfFinetuningSchedulerBecomesGroupsAndASchedule() {
        Path fts = small.write("fts.yaml", """
                0:
                  params: [model.classifier.weight, model.classifier.bias]
                  max_transition_epoch: 1
                1:
                  params: ['model.bert.encoder.layer.1.attention.self.(query|value).*']
                  lr: 5e-04
                """);
        String[] job = {"--from-fts=" + fts};
        TrainingJob.Ended converted = planUnder("none", job);
        assertThat(converted.code()).as(converted.err()).isZero();
        assertThat(converted.out()).contains("learning_rate_scale: 0.5");

        // Pasted into a job it is one.
        small.write("job.yaml", TrainingJob.format("""
                model: {path: "%s", max_length: 16}
                data: {train: {path: "%s"}, validation: {fraction: 0.5}}
                training: {num_train_epochs: 2, batch_size: 2, shards: 2, learning_rate: 0.001}
                """, small.model(), small.trainCsv()) + converted.out());
        TrainingJob.Ended planned = plan();
        assertThat(planned.code()).as(planned.err() + converted.out()).isZero();
        assertThat(planned.out()).contains("phase1: 2 modules").contains("bert.encoder.layer.1.attention.self.value");

        TrainingJob.Ended byModel = TrainingJob.run(
                "none",
                "plan",
                "--from-fts",
                fts.toString(),
                "--model",
                small.model().toString());
        assertThat(byModel.out()).contains("# lr 0.0005");
        TrainingJob.Ended byNames = TrainingJob.run("none", "plan", "--from-fts", fts.toString());
        assertThat(byNames.code()).isEqualTo(ExitCode.USAGE.code());
        assertThat(byNames.err()).contains("give --model DIR or --config F");
        assertThat(Arrays.asList(byNames.err().split("\n", -1))).noneMatch(line -> line.startsWith("\tat "));
    }
}
