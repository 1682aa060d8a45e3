package org.sparklora.driver.watch.tracking;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.run.history.HistoryLine;
import org.sparklora.driver.run.history.LocalRunDirectory;
import org.sparklora.driver.watch.tracking.Destination.RefusedException;
import org.sparklora.driver.watch.tracking.Tracking.Outcome;

/** Against a server that checks the protocol. */
class MlflowRunTest {

    @TempDir
    private Path folder;

    @TempDir
    private Path recorded;

    private final MlflowServer server = new MlflowServer();
    private final List<String> warnings = new ArrayList<>();

    @AfterEach
    void theProtocolWasFollowed() {
        server.close();
        assertThat(server.violations).isEmpty();
    }

    private MlflowRun run(Map<String, String> environment) {
        return new MlflowRun(
                new MlflowRun.Job(
                        "texts",
                        "sentiment",
                        new TreeMap<>(Map.of("seed", "42", "lora.groups.tôp.r", "8", "long", "x".repeat(900)))),
                new MlflowClient(server.uri() + "/", environment),
                new Tracking.Environment(
                        new LocalRunDirectory(folder),
                        path -> new LocalRunDirectory(Path.of(path)),
                        environment,
                        warnings::add,
                        RecordedRunLines.CLOCK));
    }

    private MlflowRun run() {
        return run(Map.of());
    }

    private static List<HistoryLine> lines(List<String> lines) {
        return lines.stream().map(RecordedRunLines::line).toList();
    }

    private void write(String name, String text) throws IOException {
        Files.createDirectories(folder.resolve(name).resolveSibling("."));
        Files.writeString(folder.resolve(name), text);
    }

    @Test
    void aWholeRunIsLogged() throws Exception {
        write("adapter/adapter_config.json", "{}");
        write("adapter/adapter model.safetensors", "bytes");
        write("report.html", "<html>");
        MlflowRun run = run();
        run.send(lines(new RecordedRunLines(recorded)
                .run()
                .epoch(0)
                .epoch(1)
                .finished()
                .lines()));
        run.finish(Outcome.FINISHED);

        assertThat(server.experiments).containsKey("texts");
        MlflowServer.Run shown = server.run();
        assertThat(shown.status).isEqualTo("FINISHED");
        assertThat(shown.endTime).isEqualTo(RecordedRunLines.TIME.toEpochMilli());
        assertThat(shown.params).containsEntry("seed", "42").containsEntry("lora.groups.t_p.r", "8");
        assertThat(shown.params.get("long")).hasSize(500).endsWith("x…");
        assertThat(shown.tags)
                .containsEntry("mlflow.runName", "sentiment")
                .containsEntry("spark-lora.configuration_sha256", "c0")
                .containsEntry("spark-lora.base_model_sha256", "ba5e")
                .containsEntry("spark-lora.adapter_sha256", "ada")
                .containsEntry("version.spark", "3.5.5");
        assertThat(shown.metric("loss")).isEqualTo(Map.of(1L, 1.0, 2L, 0.5, 3L, 0.33333334, 4L, 0.25));
        assertThat(shown.metric("eval_accuracy")).isEqualTo(Map.of(2L, 0.5, 4L, 0.6));
        assertThat(shown.metric("live/bottom")).isEqualTo(Map.of(0L, 0.0, 2L, 0.0, 3L, 1.0));
        assertThat(shown.metric("trainable_parameters")).isEqualTo(Map.of(0L, 100.0, 2L, 101.0));
        assertThat(shown.points).allMatch(point -> point.timestamp() == RecordedRunLines.TIME.toEpochMilli());

        String root = "1/" + server.runs.keySet().iterator().next() + "/artifacts/";
        assertThat(server.artifacts.keySet())
                .containsExactly(
                        root + "adapter/adapter model.safetensors",
                        root + "adapter/adapter_config.json",
                        root + "freeze_decisions.jsonl",
                        root + "report.html");
        assertThat(new String(server.artifacts.get(root + "freeze_decisions.jsonl"), StandardCharsets.UTF_8).lines())
                .hasSize(3)
                .anyMatch(line -> line.contains("\"event\":\"thaw\"") && line.contains("\"reason\":\"because\""));
        assertThat(warnings).isEmpty();
    }

    @Test
    void aResumedRunIsTheSameRunAndLogsNoValueTwice() throws Exception {
        MlflowRun before = run();
        before.send(lines(RecordedRunLines.epochs(recorded, 2)));
        // The process died here. Another one has the history up to the checkpoint and repeats the rest.
        MlflowRun after = run();
        after.send(lines(RecordedRunLines.epochs(recorded, 1)));
        after.send(lines(new RecordedRunLines(recorded).epoch(1).epoch(2).lines()));
        after.finish(Outcome.FAILED);

        MlflowServer.Run shown = server.run();
        assertThat(shown.metric("loss").keySet()).containsExactly(1L, 2L, 3L, 4L, 5L, 6L);
        assertThat(shown.metric("eval_loss").keySet()).containsExactly(2L, 4L, 6L);
        assertThat(shown.status).isEqualTo("FAILED");
    }

    @Test
    void aServerAddedLaterGetsTheWholeRun() throws Exception {
        Files.writeString(
                folder.resolve("tracking.json"), "{\"mlflow\": {\"uri\": \"http://other\", \"run_id\": \"gone\"}}");
        run().send(lines(RecordedRunLines.epochs(recorded, 3)));
        assertThat(server.run().metric("loss")).hasSize(6);
        assertThat(Files.readString(folder.resolve("tracking.json")))
                .contains(server.uri(), server.runs.keySet().iterator().next());
    }

    @Test
    void aDeletedRunIsCreatedAgain() throws Exception {
        run().send(lines(RecordedRunLines.epochs(recorded, 1)));
        server.run().stage = "deleted";
        run().send(lines(RecordedRunLines.epochs(recorded, 2)));
        assertThat(server.runs).hasSize(2);
    }

    @Test
    void aFailedBatchIsSentAgainWithoutDuplicates() throws Exception {
        MlflowRun run = run();
        List<HistoryLine> first = lines(RecordedRunLines.epochs(recorded, 1));
        run.send(first);
        List<HistoryLine> more = lines(new RecordedRunLines(recorded).epoch(1).lines());
        server.unavailableFor(1);
        assertThatThrownBy(() -> run.send(more))
                .isInstanceOf(IOException.class)
                .isNotInstanceOf(RefusedException.class)
                .hasMessageContaining("503");
        run.send(more);
        assertThat(server.run().metric("loss")).hasSize(4);
    }

    @Test
    void manyMetricsAreSentInBatches() throws Exception {
        List<String> steps = IntStream.range(0, 600)
                .mapToObj(i -> "{\"event\":\"step\",\"time\":\"2026-01-01T00:00:00Z\",\"epoch\":0,\"step\":" + i
                        + ",\"loss\":0.5,\"grad_norm\":1.0,\"learning_rate\":{\"top\":0.1}}")
                .toList();
        run().send(lines(steps));
        assertThat(server.run().metric("loss")).hasSize(600);
        assertThat(server.calls.stream().filter(call -> call.endsWith("log-batch")))
                .as("one of parameters, three of 3000 metrics")
                .hasSize(1 + 3);
    }

    @Test
    void aRefusalIsNotRetried() {
        server.authorization = "Bearer right";
        assertThatThrownBy(() ->
                        run(Map.of("MLFLOW_TRACKING_TOKEN", "wrong")).send(lines(RecordedRunLines.epochs(recorded, 1))))
                .isInstanceOf(RefusedException.class)
                .hasMessageContaining("401: who are you?");
        server.experiments.put("texts", true);
        assertThatThrownBy(() ->
                        run(Map.of("MLFLOW_TRACKING_TOKEN", "right")).send(lines(RecordedRunLines.epochs(recorded, 1))))
                .isInstanceOf(RefusedException.class)
                .hasMessageContainingAll("experiment 'texts'", "deleted", "tracking.experiment");
    }

    @Test
    void credentialsComeFromMlflowsVariables() throws Exception {
        server.authorization = "Basic bWU6c2VjcmV0";
        run(Map.of("MLFLOW_TRACKING_USERNAME", "me", "MLFLOW_TRACKING_PASSWORD", "secret"))
                .send(lines(RecordedRunLines.epochs(recorded, 1)));
        assertThat(server.run().metric("loss")).hasSize(2);
    }

    @Test
    void artifactsGoToAFolderIfTheServerNamesOne() throws Exception {
        server.artifactRoot = folder.resolve("stored by").toUri().toString();
        write("adapter/adapter_config.json", "{}");
        MlflowRun run = run();
        run.send(lines(RecordedRunLines.epochs(recorded, 1)));
        run.finish(Outcome.FINISHED);
        Path stored =
                folder.resolve("stored by/" + server.runs.keySet().iterator().next() + "/artifacts");
        assertThat(stored.resolve("adapter/adapter_config.json")).hasContent("{}");
        assertThat(stored.resolve("freeze_decisions.jsonl")).exists();
    }

    @Test
    void aCloudStoreCausesOneWarningAndTheRunFinishes() throws Exception {
        server.artifactRoot = "s3://bucket/1";
        MlflowRun run = run();
        run.send(lines(RecordedRunLines.epochs(recorded, 1)));
        run.finish(Outcome.FINISHED);
        assertThat(warnings).singleElement().asString().contains("s3://bucket/1/", folder.toString());
        assertThat(server.run().status).isEqualTo("FINISHED");
    }
}
