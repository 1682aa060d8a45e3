package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.cluster.FaultyFileSystem;
import org.sparklora.worker.spark.HostModels;

/** Base models and adapters on a Hadoop file system. */
class RemoteModelTest {

    @TempDir
    private Path folder;

    private final Map<String, String> settings = new TreeMap<>();

    @BeforeEach
    void setSettings() {
        FaultyFileSystem.SETTINGS.forEach((key, value) -> settings.put("spark.hadoop." + key, value));
        settings.put(HostModels.DIRECTORY, folder.resolve("copies").toString());
        settings.forEach(System::setProperty);
    }

    @AfterEach
    void clearSettings() {
        settings.keySet().forEach(System::clearProperty);
    }

    @Test
    void aRunFromRemoteModelAndAdapterHasTheSameBytes() throws IOException {
        Path job = TrainingJob.smallest(folder);
        Path first = folder.resolve("first");
        assertThat(TrainingJob.train("local[2]", job, first).code()).isZero();

        FaultyFileSystem disk = FaultyFileSystem.disk();
        String model = disk.at(TrainingJob.TINY_MODEL).toString();
        Path second = folder.resolve("second");
        TrainingJob.Ended ended = TrainingJob.train("local[2]", job, second, "model.path=" + model);
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(ended.err())
                .containsPattern("model.path " + model + ": [0-9.]+ kB copied to " + folder + "/copies/");
        assertThat(second.resolve("adapter/adapter_model.safetensors"))
                .hasSameBinaryContentAs(first.resolve("adapter/adapter_model.safetensors"));
        assertThat(Files.readString(second.resolve("config.yaml"))).contains(model);
        assertThat(Files.readString(second.resolve("adapter/adapter_config.json")))
                .contains(model);

        String adapter = disk.at(first.resolve("adapter")).toString();
        Path third = folder.resolve("third");
        TrainingJob.Ended goesOn =
                TrainingJob.train("local[2]", job, third, "model.path=" + model, "lora.init_adapter=" + adapter);
        assertThat(goesOn.code()).as(goesOn.err()).isZero();
        assertThat(goesOn.err()).doesNotContain("model.path " + model).contains("lora.init_adapter " + adapter);
        Path fourth = folder.resolve("fourth");
        assertThat(TrainingJob.train("local[2]", job, fourth, "lora.init_adapter=" + first.resolve("adapter"))
                        .code())
                .isZero();
        assertThat(third.resolve("adapter/adapter_model.safetensors"))
                .hasSameBinaryContentAs(fourth.resolve("adapter/adapter_model.safetensors"));

        String data = folder.resolve("train.csv").toString();
        TrainingJob.Ended byOwn = TrainingJob.run("local[2]", "evaluate", "--run", second.toString(), "--data", data);
        TrainingJob.Ended byBase =
                TrainingJob.run("local[2]", "evaluate", "--run", first.toString(), "--data", data, "--base", model);
        TrainingJob.Ended byFirst = TrainingJob.run("local[2]", "evaluate", "--run", first.toString(), "--data", data);
        assertThat(byFirst.code()).as(byFirst.err()).isZero();
        assertThat(byOwn.out()).isEqualTo(byFirst.out());
        assertThat(byBase.out()).isEqualTo(byFirst.out());
    }
}
