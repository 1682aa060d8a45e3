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
import org.sparklora.driver.run.history.LocalRunDirectory;

/** Against a server that holds its clients to the protocol. */
class MlflowRunTest {

    @TempDir
    private Path folder;

    @TempDir
    private Path told;

    private final MlflowServer server = new MlflowServer();
    private final List<String> warnings = new ArrayList<>();

    @AfterEach
    void theProtocolHeld() {
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
                new LocalRunDirectory(folder),
                warnings::add,
                Told.CLOCK);
    }

    private MlflowRun run() {
        return run(Map.of());
    }

    private static List<HistoryLine> lines(List<String> lines) {
        return lines.stream().map(HistoryLine::of).toList();
    }

    private void write(String name, String text) throws IOException {
        Files.createDirectories(folder.resolve(name).resolveSibling("."));
        Files.writeString(folder.resolve(name), text);
    }

    @Test
    void aRunIsShownWhole() throws Exception {
        write("adapter/adapter_config.json", "{}");
        write("adapter/adapter model.safetensors", "bytes");
        write("report.html", "<html>");
        MlflowRun run = run();
        run.send(lines(new Told(told).run().epoch(0).epoch(1).finished().lines()));
        run.finish(Outcome.FINISHED);

        assertThat(server.experiments).containsKey("texts");
        MlflowServer.Run shown = server.run();
        assertThat(shown.status).isEqualTo("FINISHED");
        assertThat(shown.endTime).isEqualTo(Told.TIME.toEpochMilli());
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
        assertThat(shown.points).allMatch(point -> point.timestamp() == Told.TIME.toEpochMilli());

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
    void aRunThatGoesOnIsTheSameRunAndNoNumberIsThereTwice() throws Exception {
        MlflowRun before = run();
        before.send(lines(Told.epochs(told, 2)));
        // It died here; another process has the history up to its checkpoint, and does the rest again.
        MlflowRun after = run();
        after.send(lines(Told.epochs(told, 1)));
        after.send(lines(new Told(told).epoch(1).epoch(2).lines()));
        after.finish(Outcome.FAILED);

        MlflowServer.Run shown = server.run();
        assertThat(shown.metric("loss").keySet()).containsExactly(1L, 2L, 3L, 4L, 5L, 6L);
        assertThat(shown.metric("eval_loss").keySet()).containsExactly(2L, 4L, 6L);
        assertThat(shown.status).isEqualTo("FAILED");
    }

    @Test
    void aServerThatIsShownARunLateGetsAllOfIt() throws Exception {
        Files.writeString(
                folder.resolve("tracking.json"), "{\"mlflow\": {\"uri\": \"http://other\", \"run_id\": \"gone\"}}");
        run().send(lines(Told.epochs(told, 3)));
        assertThat(server.run().metric("loss")).hasSize(6);
        assertThat(Files.readString(folder.resolve("tracking.json")))
                .contains(server.uri(), server.runs.keySet().iterator().next());
    }

    @Test
    void aRunThatSomebodyDeletedIsMadeAnew() throws Exception {
        run().send(lines(Told.epochs(told, 1)));
        server.run().stage = "deleted";
        run().send(lines(Told.epochs(told, 2)));
        assertThat(server.runs).hasSize(2);
    }

    @Test
    void whatFailedHalfwayIsSentAgainOnceOnly() throws Exception {
        MlflowRun run = run();
        List<HistoryLine> first = lines(Told.epochs(told, 1));
        run.send(first);
        List<HistoryLine> more = lines(new Told(told).epoch(1).lines());
        server.unavailableFor(1);
        assertThatThrownBy(() -> run.send(more))
                .isInstanceOf(IOException.class)
                .isNotInstanceOf(RefusedException.class)
                .hasMessageContaining("503");
        run.send(more);
        assertThat(server.run().metric("loss")).hasSize(4);
    }

    @Test
    void manyNumbersGoInBatchesThatTheServerTakes() throws Exception {
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
    void whatTheServerForbidsIsNotTriedAgain() {
        server.authorization = "Bearer right";
        assertThatThrownBy(() -> run(Map.of("MLFLOW_TRACKING_TOKEN", "wrong")).send(lines(Told.epochs(told, 1))))
                .isInstanceOf(RefusedException.class)
                .hasMessageContaining("401: who are you?");
        server.experiments.put("texts", true);
        assertThatThrownBy(() -> run(Map.of("MLFLOW_TRACKING_TOKEN", "right")).send(lines(Told.epochs(told, 1))))
                .isInstanceOf(RefusedException.class)
                .hasMessageContaining("has deleted the experiment 'texts'; restore it there");
    }

    @Test
    void credentialsAreThoseOfMlflowsVariables() throws Exception {
        server.authorization = "Basic bWU6c2VjcmV0";
        run(Map.of("MLFLOW_TRACKING_USERNAME", "me", "MLFLOW_TRACKING_PASSWORD", "secret"))
                .send(lines(Told.epochs(told, 1)));
        assertThat(server.run().metric("loss")).hasSize(2);
    }

    @Test
    void artifactsGoToAFolderWhereTheServerNamesOne() throws Exception {
        server.artifactRoot = folder.resolve("kept by").toUri().toString();
        write("adapter/adapter_config.json", "{}");
        MlflowRun run = run();
        run.send(lines(Told.epochs(told, 1)));
        run.finish(Outcome.FINISHED);
        Path kept = folder.resolve("kept by/" + server.runs.keySet().iterator().next() + "/artifacts");
        assertThat(kept.resolve("adapter/adapter_config.json")).hasContent("{}");
        assertThat(kept.resolve("freeze_decisions.jsonl")).exists();
    }

    @Test
    void aStoreThatNeedsAClientOfItsOwnIsNamedOnceAndTheRunFinishes() throws Exception {
        server.artifactRoot = "s3://bucket/1";
        MlflowRun run = run();
        run.send(lines(Told.epochs(told, 1)));
        run.finish(Outcome.FINISHED);
        assertThat(warnings)
                .singleElement()
                .asString()
                .contains("keeps artifacts in s3://bucket/1/", "stay in " + folder);
        assertThat(server.run().status).isEqualTo("FINISHED");
    }
}
