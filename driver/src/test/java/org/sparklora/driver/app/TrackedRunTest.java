package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.app.TrainingJob.Ended;
import org.sparklora.driver.training.ExitCode;
import org.sparklora.driver.watch.tracking.EventReader;
import org.sparklora.driver.watch.tracking.EventReader.Event;
import org.sparklora.driver.watch.tracking.MlflowServer;

/** Small runs through the command line with a loopback MLflow server and TensorBoard files. */
class TrackedRunTest {

    @TempDir
    private Path folder;

    private SmallJob job;
    private final MlflowServer server = new MlflowServer();

    @BeforeEach
    void writeJob() {
        job = new SmallJob(folder);
    }

    @AfterEach
    void theProtocolWasFollowed() {
        server.close();
        assertThat(server.violations).isEmpty();
    }

    private static void succeeded(Ended ended) {
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(ended.err()).doesNotContain("warning: MLflow", "warning: TensorBoard");
    }

    /** Losses of the history by number of steps done. */
    private Map<Long, Double> losses() {
        Map<Long, Double> losses = new TreeMap<>();
        for (JsonNode step : TrainingJob.events(job.output(), "step")) {
            losses.put(step.get("step").asLong() + 1, step.get("loss").asDouble());
        }
        return losses;
    }

    private List<Event> boards() throws IOException {
        List<Event> events = new ArrayList<>();
        try (Stream<Path> files = Files.list(folder.resolve("boards"))) {
            for (Path file : files.sorted().toList()) {
                events.addAll(EventReader.events(Files.readAllBytes(file)));
            }
        }
        return events;
    }

    private String sha() {
        return TrainingJob.status(job.output()).get("adapter_sha256").asText();
    }

    @Test
    void serverAndFilesMatchTheHistory() throws IOException {
        succeeded(job.train(
                "tracking.mlflow=" + server.uri(),
                "tracking.experiment=little runs",
                "tracking.tensorboard=" + folder.resolve("boards"),
                "data.validation.fraction=0.5"));

        MlflowServer.Run run = server.run();
        assertThat(server.experiments).containsKey("little runs");
        assertThat(run.status).isEqualTo("FINISHED");
        assertThat(run.metric("loss")).isEqualTo(losses()).isNotEmpty();
        assertThat(run.params)
                .containsEntry("training.batch_size", "2")
                .containsEntry("lora.groups.top.r", "4")
                .doesNotContainKey("lora.init_adapter");
        assertThat(run.tags).containsEntry("spark-lora.adapter_sha256", sha());
        JsonNode last = TrainingJob.events(job.output(), "epoch_end").get(1);
        assertThat(run.metric("eval_accuracy").values())
                .last()
                .isEqualTo(last.get("validation").get("accuracy").asDouble());
        assertThat(run.metric("live/bottom").values()).containsExactly(0.0, 1.0);

        String root = "1/" + server.runs.keySet().iterator().next() + "/artifacts/";
        byte[] adapter = Files.readAllBytes(job.output().resolve("adapter/adapter_model.safetensors"));
        assertThat(server.artifacts.get(root + "adapter/adapter_model.safetensors"))
                .isEqualTo(adapter);
        assertThat(server.artifacts)
                .containsKeys(root + "adapter/adapter_config.json", root + "freeze_decisions.jsonl");

        Map<Long, Double> shown = new TreeMap<>();
        for (Event event : boards()) {
            Optional.ofNullable(event.scalars().get("train/loss"))
                    .ifPresent(loss -> shown.put(event.step(), Double.valueOf(loss.toString())));
        }
        assertThat(shown).isEqualTo(losses());
    }

    @Test
    void aResumedRunIsOneRunAndTrackingCanBeAdded() throws IOException {
        String constant = "training.lr_scheduler_type=constant";
        succeeded(job.train(constant, "training.num_train_epochs=1", "tracking.mlflow=" + server.uri()));
        succeeded(job.train(
                "--resume",
                constant,
                "tracking.mlflow=" + server.uri(),
                "tracking.tensorboard=" + folder.resolve("boards")));

        assertThat(server.run().status).isEqualTo("FINISHED");
        assertThat(server.run().metric("loss")).isEqualTo(losses()).hasSize(4);
        assertThat(boards().stream().filter(event -> event.scalars().containsKey("train/loss")))
                .as("with the first epoch, which ran before TensorBoard was configured")
                .hasSize(4);
        // Another run in the same directory is another run on the server.
        succeeded(job.train("--overwrite", "tracking.mlflow=" + server.uri()));
        assertThat(server.runs).hasSize(2);
    }

    @Test
    void anUnreachableServerCausesOneWarningAndChangesNoBit() throws IOException {
        succeeded(job.train());
        String alone = sha();
        int closed;
        try (ServerSocket socket = new ServerSocket(0)) {
            closed = socket.getLocalPort();
        }
        Ended ended = job.train("--overwrite", "tracking.mlflow=http://127.0.0.1:" + closed);
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(ended.err().lines().filter(line -> line.contains("warning: ") && !line.contains("schedule")))
                .singleElement()
                .asString()
                .startsWith("job: warning: MLflow at http://127.0.0.1:" + closed + " ");
        assertThat(sha()).isEqualTo(alone);
    }

    @Test
    void aFailedRunIsShownAsFailed() {
        Ended ended = job.train(
                "tracking.mlflow=" + server.uri(), "training.learning_rate=1e30", "training.max_grad_norm=null");
        assertThat(ended.code()).isEqualTo(ExitCode.DIVERGED.code());
        assertThat(server.run().status).isEqualTo("FAILED");
        assertThat(server.artifacts).isEmpty();
    }

    @Test
    void anUnwritableDirectoryCausesOneWarning() throws IOException {
        Path file = Files.writeString(folder.resolve("boards"), "a file");
        Ended ended = job.train("tracking.tensorboard=" + file);
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(ended.err().lines().filter(line -> line.contains("warning: ") && !line.contains("schedule")))
                .singleElement()
                .asString()
                .contains("TensorBoard directory " + file);
    }
}
