package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.sparklora.driver.training.ExitCode;
import org.sparklora.driver.watch.tracking.MlflowServer;

/** Sweeps through the command line. Each trial has the bytes of {@code train} of its job alone. */
class SweepTest {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String ADAPTER = "adapter/adapter_model.safetensors";

    @TempDir
    private Path folder;

    @BeforeEach
    void writeJob() throws IOException {
        Path rows = TrainingJob.sixtyRows(folder);
        Files.writeString(folder.resolve("job.yaml"), TrainingJob.format("""
                model: {path: "%s", max_length: 16}
                data: {train: {path: "%s"}, validation: {fraction: 0.2}}
                lora:
                  groups:
                    top: {target_modules: [query, value], layers_to_transform: [11]}
                    low: {target_modules: [query], layers_to_transform: [6]}
                schedule: {live: [top]}
                training: {num_train_epochs: 3, batch_size: 8, shards: 4}
                """, TrainingJob.TINY_MODEL, rows));
    }

    private Path sweep(String text) throws IOException {
        return Files.writeString(folder.resolve("sweep.yaml"), "job: job.yaml\n" + text);
    }

    private Path output() {
        return folder.resolve("out");
    }

    private TrainingJob.Ended run(String master, Path sweep, String... more) {
        List<String> args =
                new ArrayList<>(List.of("sweep", "--config", sweep.toString(), "--output", output().toString()));
        args.addAll(List.of(more));
        return TrainingJob.run(master, args.toArray(String[]::new));
    }

    private Path trial(String id) {
        return output().resolve("trials").resolve(id);
    }

    private List<JsonNode> board() throws IOException {
        JsonNode trials =
                JSON.readTree(output().resolve("leaderboard.json").toFile()).get("trials");
        return StreamSupport.stream(trials.spliterator(), false).toList();
    }

    /** The bytes of the job alone, trained on another number of tasks. */
    private byte[] alone(String... overrides) throws IOException {
        Path run = folder.resolve("alone");
        List<String> args = new ArrayList<>(List.of(
                "train", "--config", folder.resolve("job.yaml").toString(), "--output", run.toString(), "--overwrite"));
        Stream.of(overrides).forEach(override -> args.addAll(List.of("--set", override)));
        TrainingJob.Ended ended = TrainingJob.run("local[3]", args.toArray(String[]::new));
        assertThat(ended.code()).as(ended.err()).isZero();
        return Files.readAllBytes(run.resolve(ADAPTER));
    }

    /** Without and with groups that move, which make the trials wait for each other, and with both exchanges. */
    @ParameterizedTest
    @CsvSource({"'',peer", "'',driver", "'schedule.events=[{epoch: 1, thaw: [low]}, {epoch: 2, freeze: [low]}]',peer"})
    void eachTrialOfAGridHasTheBytesOfItsJobAlone(String events, String exchange) throws IOException {
        Path sweep = sweep("vary: {lora.r: [2, 4], seed: [1, 2], training.data_seed: [5]}\n");
        List<String> more = new ArrayList<>(List.of("--set", "execution.exchange=" + exchange));
        if (!events.isEmpty()) {
            more.addAll(List.of("--set", events));
        }
        TrainingJob.Ended ended = run("local[2]", sweep, more.toArray(String[]::new));
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(ended.err().lines().filter(line -> line.contains("reading and tokenizing")))
                .hasSize(1);
        List<JsonNode> board = board();
        assertThat(board).hasSize(4);
        for (JsonNode row : board) {
            List<String> own = new ArrayList<>(List.of(
                    "lora.r=" + row.get("lora.r").asText(),
                    "seed=" + row.get("seed").asText(),
                    "training.data_seed=5"));
            if (!events.isEmpty()) {
                own.add(events);
            }
            byte[] alone = alone(own.toArray(String[]::new));
            assertThat(Files.readAllBytes(trial(row.get("trial").asText()).resolve(ADAPTER)))
                    .isEqualTo(alone);
        }
        // The trunk of an epoch is computed once for all trials, until it contains what each of them has trained.
        long cached = Stream.of("001", "002", "003", "004")
                .mapToLong(id -> TrainingJob.events(trial(id), "kept").size())
                .sum();
        assertThat(cached).isEqualTo(events.isEmpty() ? 1 : 6);
        assertThat(board.get(0).get("accuracy").asDouble())
                .isGreaterThanOrEqualTo(board.get(3).get("accuracy").asDouble());
        assertThat(Files.readString(output().resolve("leaderboard.csv")))
                .startsWith("rank,trial,state,lora.r,seed,training.data_seed,epochs,accuracy,");
    }

    @Test
    void trialsWithOtherBatchesReadTheirOwnRows() throws IOException {
        TrainingJob.Ended ended = run("local[2]", sweep("vary: {training.batch_size: [8, 12]}\n"));
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(ended.err().lines().filter(line -> line.contains("reading and tokenizing")))
                .hasSize(2);
        assertThat(Files.readAllBytes(trial("001").resolve(ADAPTER))).isEqualTo(alone("training.batch_size=8"));
        assertThat(Files.readAllBytes(trial("002").resolve(ADAPTER))).isEqualTo(alone("training.batch_size=12"));
    }

    @Test
    void theBetterHalfGoesOnAndTheOthersKeepWhatTheyHave() throws IOException {
        Path sweep = sweep("""
                vary: {training.learning_rate: [1.0e-4, 1.0e-3, 1.0e-2, 3.0e-2]}
                stop: {policy: halving, every: 1, keep: 0.5, metric: loss}
                """);
        TrainingJob.Ended ended = run("local[2]", sweep);
        assertThat(ended.code()).as(ended.err()).isZero();
        List<JsonNode> board = board();
        assertThat(board.stream().map(row -> row.get("epochs").asInt())).containsExactly(3, 2, 1, 1);
        assertThat(board.stream().map(row -> row.get("state").asText()))
                .containsExactly("finished", "stopped", "stopped", "stopped");
        JsonNode best = board.get(0);
        assertThat(Files.readAllBytes(trial(best.get("trial").asText()).resolve(ADAPTER)))
                .isEqualTo(alone("training.learning_rate="
                        + best.get("training.learning_rate").asText()));
        assertThat(trial(board.get(3).get("trial").asText()).resolve(ADAPTER)).exists();

        // Best first, each with its report, and a timeline.
        String page = Files.readString(output().resolve("sweep.html"));
        List<String> links = board.stream()
                .map(row -> "href=\"trials/" + row.get("trial").asText() + "/report.html\"")
                .toList();
        assertThat(page).containsSubsequence(links).contains("Computations of trunk activations: 1.");
        assertThat(page.split(">Freeze timeline<").length).isEqualTo(3);
        TrainingJob.Ended report = TrainingJob.run("none", "report", "--run", output().toString());
        assertThat(report.code()).as(report.err()).isZero();
        assertThat(Files.readString(output().resolve("sweep.html"))).isEqualTo(page);

        byte[] before = Files.readAllBytes(output().resolve("leaderboard.json"));
        assertThat(run("local[1]", sweep).err()).contains("output.not-empty");
        TrainingJob.Ended again = run("local[1]", sweep, "--resume");
        assertThat(again.code()).as(again.err()).isZero();
        assertThat(Files.readAllBytes(output().resolve("leaderboard.json"))).isEqualTo(before);
    }

    @Test
    void aTrialThatDivergesEndsAlone() throws IOException {
        Path sweep = sweep("vary: {training.learning_rate: [1.0e+30, 1.0e-3]}\n");
        TrainingJob.Ended ended = run("local[2]", sweep);
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(ended.err()).contains("the other trials go on");
        assertThat(board().stream().map(row -> row.get("state").asText())).containsExactly("finished", "diverged");
        assertThat(board().get(1).get("note").asText()).contains("diverged");
        assertThat(run("local[2]", sweep, "--resume").code()).isZero();
        Path bad = sweep("vary: {training.learning_rate: [1.0e+30, 1.0e+31]}\n");
        String all = folder.resolve("all").toString();
        assertThat(TrainingJob.run("local[2]", "sweep", "--config", bad.toString(), "--output", all)
                        .code())
                .isEqualTo(ExitCode.DIVERGED.code());
    }

    @Test
    void trialsAreChildrenOfTheSweepOnMlflowAlsoAfterAResume() throws IOException {
        try (MlflowServer server = new MlflowServer()) {
            Path sweep = sweep("vary: {lora.r: [2, 4], training.learning_rate: [1.0e+30, 1.0e-3]}\n");
            String tracked = "tracking.mlflow=" + server.uri();
            server.unavailableFor(1);
            TrainingJob.Ended failed = run("local[2]", sweep, "--set", tracked);
            assertThat(failed.code()).as(failed.err()).isZero();
            assertThat(failed.err()).contains("does not show the sweep as a whole");
            assertThat(server.runs.values()).noneMatch(run -> run.tags.containsKey("mlflow.parentRunId"));
            server.runs.clear();
            Path other = folder.resolve("tracked");
            for (List<String> more : List.of(List.<String>of(), List.of("--resume"))) {
                List<String> args = new ArrayList<>(
                        List.of("sweep", "--config", sweep.toString(), "--output", other.toString(), "--set", tracked));
                args.addAll(more);
                TrainingJob.Ended ended = TrainingJob.run("local[2]", args.toArray(String[]::new));
                assertThat(ended.code()).as(ended.err()).isZero();
            }
            assertThat(server.violations).isEmpty();
            assertThat(server.runs).hasSize(5);
            String parent = server.runs.keySet().iterator().next();
            List<MlflowServer.Run> all = List.copyOf(server.runs.values());
            assertThat(all.get(0).params)
                    .containsEntry("lora.r", "2, 4")
                    .containsEntry("training.learning_rate", "1.0e+30, 1.0e-3");
            assertThat(all.get(0).status).isEqualTo("FINISHED");
            assertThat(all.subList(1, 5))
                    .allSatisfy(run -> assertThat(run.tags).containsEntry("mlflow.parentRunId", parent));
            assertThat(all.subList(1, 5).stream().map(run -> run.status))
                    .containsExactlyInAnyOrder("FAILED", "FINISHED", "FAILED", "FINISHED");
            assertThat(server.artifacts.keySet().stream().filter(name -> name.contains(parent)))
                    .anyMatch(name -> name.endsWith("/sweep.html"))
                    .anyMatch(name -> name.endsWith("/leaderboard.csv"));
        }
    }

    @Test
    void planShowsWhatIsShared() throws IOException {
        Path sweep = sweep("vary: {lora.r: [2, 4], training.data_seed: [1, 2]}\n");
        TrainingJob.Ended plan = TrainingJob.run("local[1]", "plan", "--config", sweep.toString());
        assertThat(plan.code()).as(plan.err()).isZero();
        assertThat(plan.out())
                .contains("sweep: 4 trials, layouts of rows: 2")
                .contains("layouts of rows to read and tokenize: 2 instead of 4");
        assertThat(output()).doesNotExist();
        TrainingJob.Ended train = TrainingJob.run("none", "train", "--config", sweep.toString());
        assertThat(train.code()).isEqualTo(2);
        assertThat(train.err()).contains("is a sweep file; train its trials with sweep --config");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "vary: {lora.r: [4, 4]}|vary.lora.r has a value twice",
                "vary: {output: [a, b]}|vary.output cannot vary",
                "vary: {execution.exchange: [peer, driver]}|vary.execution.exchange cannot vary",
                "vary: {lora.rr: [4, 5]}|lora.rr is not a key",
                "vary: {lora.r: {uniform: [1, 4]}}|is a range; give sample",
                "vary: {lora.r: {uniform: [4, 1]}}|with from < to",
                "vary: {}|vary names no key",
                "vary: {lora.r: [4]}, stop: {keep: 2}|stop.keep",
                "vary: {lora.r: [4]}, stop: {metric: acuracy}|stop.metric='acuracy' must be one of accuracy, auc, f1, loss",
                "vary: {data.adapter: [a, b]}|job has data.adapter, an adapter for each key",
                "vary: {lora.lora_alpha: [4, 4.0]}|trials 001 and 002 are the same job",
                "vary: {lora.r: [1, 2]}, sample: {n: 3, seed: 1}|sample.n is more than the values of vary can give, 2"
            })
    void whatIsWrongIsSaidBeforeAnythingRuns(String text, String message) throws IOException {
        Path sweep = Files.writeString(folder.resolve("sweep.yaml"), "{job: job.yaml, output: out, " + text + "}\n");
        TrainingJob.Ended ended = TrainingJob.run("none", "sweep", "--config", sweep.toString());
        assertThat(ended.code()).as(ended.err()).isEqualTo(2);
        assertThat(ended.err()).contains(message);
    }
}
