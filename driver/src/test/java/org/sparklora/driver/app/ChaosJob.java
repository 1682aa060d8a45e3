package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.stream.IntStream;
import org.sparklora.driver.app.ChaosSchedule.Shape;
import org.sparklora.worker.contract.Precision;

/** A job to be disturbed, and the run of it on one core that nobody disturbed. */
record ChaosJob(Path folder, Path config, Path undisturbed) {

    static final Shape SHAPE = new Shape(3, 9, 4);

    /** Writes the job and runs it. */
    static ChaosJob trained(Path folder, Precision precision) throws IOException {
        Files.createDirectories(folder);
        Random random = new Random(4);
        StringBuilder rows = new StringBuilder("text,label\n");
        for (int i = 0; i < 80; i++) {
            boolean yes = random.nextBoolean();
            rows.append(yes ? "love the plot " : "hate the end ").append(yes ? "great" : "bad");
            rows.append(" tok").append(random.nextInt(80)).append(yes ? ",yes\n" : ",no\n");
        }
        Path data = Files.writeString(folder.resolve("train.csv"), rows);
        Path config = Files.writeString(
                folder.resolve("job.yaml"),
                TrainingJob.format(
                        """
                model: {path: "%s", max_length: 32}
                data: {train: {path: "%s"}, validation: {fraction: 0.2}}
                lora:
                  r: 4
                  lora_dropout: 0.1
                  groups:
                    top: {target_modules: [query, value], layers_to_transform: [11]}
                    bottom: {target_modules: [query, value], layers_to_transform: [5]}
                schedule: {live: [top], events: [{epoch: 1, thaw: [bottom]}, {epoch: 2, freeze: [top]}]}
                training: {num_train_epochs: %d, batch_size: 8, shards: %d, learning_rate: 0.005}
                execution: {precision: %s}
                """,
                        TrainingJob.TINY_MODEL.toAbsolutePath().normalize(),
                        data,
                        SHAPE.epochs(),
                        SHAPE.shards(),
                        precision.name().toLowerCase(Locale.ROOT)));
        Path undisturbed = folder.resolve("undisturbed");
        TrainingJob.Ended ended = TrainingJob.train("local[1]", config, undisturbed);
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(TrainingJob.events(undisturbed, "step")).hasSize(SHAPE.steps());
        return new ChaosJob(folder, config, undisturbed);
    }

    /** {@code train} with overrides. Resumes, which starts afresh where there is nothing yet. */
    List<String> command(Path output, String... overrides) {
        List<String> command = new ArrayList<>(
                List.of("train", "--resume", "--config", config.toString(), "--output", output.toString()));
        Arrays.stream(overrides).forEach(o -> command.addAll(List.of("--set", o)));
        return command;
    }

    /** The run has the bits of the one that nobody disturbed, and each step once. */
    void requireUndisturbed(Path output, Object whatHappened) {
        assertThat(output.resolve("adapter/adapter_model.safetensors"))
                .as("%s", whatHappened)
                .hasSameBinaryContentAs(undisturbed.resolve("adapter/adapter_model.safetensors"));
        assertThat(TrainingJob.events(output, "step").stream()
                        .map(step -> step.get("step").asInt()))
                .as("%s", whatHappened)
                .containsExactlyElementsOf(
                        IntStream.range(0, SHAPE.steps()).boxed().toList());
        TrainingJob.Ended verified = TrainingJob.run("local[1]", "verify", undisturbed.toString(), output.toString());
        assertThat(verified.out()).as("%s: %s", whatHappened, verified.err()).startsWith("same: ");
    }
}
