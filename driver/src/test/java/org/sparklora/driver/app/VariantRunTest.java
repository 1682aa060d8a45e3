package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparklora.driver.job.manifest.ManifestJson;
import org.sparklora.driver.model.peft.PeftAdapter;
import org.sparklora.worker.lora.AdaLora;
import org.sparklora.worker.lora.LoraVariant;
import org.sparklora.worker.lora.LoraVariants;
import org.sparklora.worker.lora.PlainLora;
import org.sparklora.worker.safetensors.SafetensorsFile;

/** Each LoRA variant through the command line: trained, saved, resumed, predicted with, merged, and read by PEFT. */
class VariantRunTest {

    @TempDir
    private Path folder;

    private SmallJob job;

    @BeforeEach
    void openJob() {
        job = new SmallJob(folder);
    }

    /** The job's keys of a variant, and others. */
    private static String[] settings(LoraVariant variant, String... others) {
        Stream<String> own =
                variant.settings().entrySet().stream().map(key -> "lora." + key.getKey() + "=" + key.getValue());
        return Stream.concat(own, Stream.of(others)).toArray(String[]::new);
    }

    /** All but AdaLoRA, whose length and ranks are part of its settings; {@link AdaLoraRunTest} has the same for it. */
    static Stream<LoraVariant> withFixedRanks() {
        return LoraVariants.all().stream().filter(variant -> !(variant instanceof AdaLora));
    }

    private Path train(LoraVariant variant, String... others) {
        TrainingJob.Ended ended = job.train(settings(variant, others));
        assertThat(ended.code()).as(ended.err()).isZero();
        return job.output();
    }

    @ParameterizedTest
    @MethodSource("withFixedRanks")
    void manifestAndAdapterNameTheVariant(LoraVariant variant) throws IOException {
        Path run = train(variant, "lora.groups.idle={target_modules: [key], layers_to_transform: [0]}");
        // PiSSA is saved as plain LoRA of twice the rank.
        LoraVariant saved = LoraVariants.of(variant.peftSettings());
        assertThat(ManifestJson.read(Files.readString(run.resolve("manifest.json")))
                        .manifest()
                        .variant())
                .isEqualTo(saved);
        PeftAdapter adapter = PeftAdapter.read(run.resolve("adapter"));
        assertThat(adapter.config().variant()).isEqualTo(saved);
        assertThat(adapter.tensors().keySet()).noneMatch(name -> name.contains(".key."));
        assertThat(adapter.modules()).hasSize(3);
        String module = adapter.modules().get(0);
        TrainingJob.Ended more = job.train(settings(
                saved,
                "--overwrite",
                "lora.r=" + adapter.rank(module),
                "lora.lora_alpha=" + adapter.alpha(module),
                "lora.init_adapter=" + copy(run.resolve("adapter"), folder.resolve("start"))));
        assertThat(more.code()).as(more.err()).isZero();
    }

    private static Path copy(Path from, Path to) throws IOException {
        Files.createDirectories(to);
        try (Stream<Path> files = Files.list(from)) {
            for (Path file : files.toList()) {
                Files.copy(file, to.resolve(file.getFileName()));
            }
        }
        return to;
    }

    @ParameterizedTest
    @MethodSource("withFixedRanks")
    void aResumedRunHasTheBitsOfOneThatNeverStopped(LoraVariant variant) throws IOException {
        Path run = train(variant, "training.lr_scheduler_type=constant");
        byte[] whole = Files.readAllBytes(run.resolve("adapter/adapter_model.safetensors"));
        String[] shorter =
                settings(variant, "training.lr_scheduler_type=constant", "training.num_train_epochs=1", "--overwrite");
        assertThat(job.train(shorter).code()).isZero();
        TrainingJob.Ended resumed = job.train(settings(variant, "training.lr_scheduler_type=constant", "--resume"));
        assertThat(resumed.code()).as(resumed.err()).isZero();
        assertThat(Files.readAllBytes(run.resolve("adapter/adapter_model.safetensors")))
                .isEqualTo(whole);
        for (LoraVariant other : LoraVariants.all()) {
            if (!other.equals(variant)) {
                TrainingJob.Ended refused =
                        job.train(settings(other, "training.lr_scheduler_type=constant", "--resume"));
                assertThat(refused.code()).isEqualTo(2);
                assertThat(refused.err()).contains("lora.").endsWith("[usage.resume-job-changed]\n");
            }
        }
    }

    @ParameterizedTest
    @MethodSource("org.sparklora.worker.lora.LoraVariants#all")
    void peftAndTransformersPredictWhatWePredict(LoraVariant variant) throws Exception {
        PythonWitness python = PythonWitness.withPeft();
        python.requireSameProbabilities(job, train(variant, "training.learning_rate=0.05"));
    }

    @Test
    void soTheyDoWithLoraOnThePooler() throws Exception {
        PythonWitness python = PythonWitness.withPeft();
        Path run = train(
                PlainLora.INSTANCE,
                "training.learning_rate=0.05",
                "lora.groups={top: {target_modules: [pooler.dense]}}",
                "schedule.events=[]");
        python.requireSameProbabilities(job, run);
    }

    @ParameterizedTest
    @ValueSource(strings = {"pooler", "word_embeddings, position_embeddings, token_type_embeddings"})
    void soTheyDoWithModulesThatTrainWhole(String modules) throws Exception {
        PythonWitness python = PythonWitness.withPeft();
        Path run = train(
                PlainLora.INSTANCE,
                "training.learning_rate=0.01",
                "lora.modules_to_save=[" + modules + ", classifier]",
                "lora.bias=all");
        python.requireSameProbabilities(job, run);
    }

    @ParameterizedTest
    @ValueSource(strings = {"pooler", "word_embeddings"})
    void modulesThatTrainWholeHaveTheSameBitsOnAnyNumberOfCoresAndAreMerged(String module) throws IOException {
        String setting = "lora.modules_to_save=[" + module + ", classifier]";
        Path run = train(PlainLora.INSTANCE, setting);
        byte[] two = Files.readAllBytes(run.resolve("adapter/adapter_model.safetensors"));
        TrainingJob.Ended one =
                TrainingJob.train("local[1]", folder.resolve("job.yaml"), folder.resolve("one"), setting);
        assertThat(one.code()).as(one.err()).isZero();
        assertThat(Files.readAllBytes(folder.resolve("one/adapter/adapter_model.safetensors")))
                .isEqualTo(two);

        Path merged = folder.resolve("merged");
        TrainingJob.Ended merge =
                TrainingJob.run("local[1]", "merge", "--run", run.toString(), "--output", merged.toString());
        assertThat(merge.code()).as(merge.err()).isZero();
        try (SafetensorsFile before = SafetensorsFile.open(job.model().resolve("model.safetensors"));
                SafetensorsFile after = SafetensorsFile.open(merged.resolve("model.safetensors"));
                SafetensorsFile adapter = SafetensorsFile.open(run.resolve("adapter/adapter_model.safetensors"))) {
            List<String> whole = before.names().stream()
                    .filter(name -> name.contains("." + module + "."))
                    .toList();
            assertThat(whole).isNotEmpty().allSatisfy(name -> {
                assertThat(after.tensor(name)).isNotEqualTo(before.tensor(name));
                assertThat(after.tensor(name)).isEqualTo(adapter.tensor("base_model.model." + name));
            });
        }
    }

    @Test
    void aModuleTrainsWholeOrByLora() {
        TrainingJob.Ended ended = job.trainWithoutSpark(
                "lora.modules_to_save=[pooler]",
                "lora.groups={top: {target_modules: [pooler.dense]}}",
                "schedule.events=[]");
        assertThat(ended.code()).isEqualTo(2);
        assertThat(ended.err())
                .contains("lora.modules_to_save and lora.groups.top both have 'bert.pooler.dense'")
                .contains("[manifest.module.shared]");
    }
}
