package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparklora.driver.app.TrainingJob.Ended;

/** Characters that mean something in patterns and URIs are characters of names, in every path that a user gives. */
class OddPathsTest {

    @TempDir
    private Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"run12:30", "model [v2] {a,b} 50% #1?*"})
    void modelDataOutputAndPredictionsMayBeAnywhere(String name) throws IOException {
        Path odd = Files.createDirectories(folder.resolve(name));
        Path model = Files.createDirectories(odd.resolve("model"));
        try (Stream<Path> files = Files.list(TrainingJob.TINY_MODEL)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Files.copy(file, model.resolve(file.getFileName()));
            }
        }
        Path job = TrainingJob.smallest(odd);
        String run = odd.resolve("run").toString();
        String data = odd.resolve("train.csv").toString();
        requireOk(TrainingJob.train(
                "local[2]", job, Path.of(run), "training.num_train_epochs=1", "model.path='" + model + "'"));
        String again = odd.resolve("again").toString();
        requireOk(TrainingJob.train(
                "local[2]",
                job,
                Path.of(again),
                "training.num_train_epochs=1",
                "model.path='" + model + "'",
                "lora.init_adapter='" + run + "/adapter'"));
        String output = odd.resolve("predicted").toString();
        requireOk(TrainingJob.run("local[2]", "predict", "--run", run, "--input", data, "--output", output));
        assertThat(TrainingJob.parts(Path.of(output))).isNotEmpty();
        requireOk(TrainingJob.run("local[2]", "evaluate", "--run", again, "--data", data));
        requireOk(TrainingJob.run("local[2]", "merge", "--run", run, "--output", odd + "/merged"));
        assertThat(List.of("config.json", "model.safetensors"))
                .allSatisfy(
                        file -> assertThat(odd.resolve("merged").resolve(file)).exists());
    }

    private static void requireOk(Ended ended) {
        assertThat(ended.code()).as(ended.out() + ended.err()).isZero();
    }
}
