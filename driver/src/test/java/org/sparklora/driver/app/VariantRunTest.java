package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.sparklora.driver.job.manifest.ManifestJson;
import org.sparklora.driver.model.peft.PeftAdapter;
import org.sparklora.worker.lora.LoraVariant;
import org.sparklora.worker.lora.LoraVariants;

/** Each LoRA variant through the command line: trained, saved, resumed, predicted with, merged, and read by PEFT. */
class VariantRunTest {

    @TempDir
    private Path folder;

    private SmallJob job;

    /** The job's keys of a variant, and others. */
    private static String[] settings(LoraVariant variant, String... others) {
        Stream<String> own =
                variant.settings().entrySet().stream().map(key -> "lora." + key.getKey() + "=" + key.getValue());
        return Stream.concat(own, Stream.of(others)).toArray(String[]::new);
    }

    private Path train(LoraVariant variant, String... others) {
        job = new SmallJob(folder);
        TrainingJob.Ended ended = job.train(settings(variant, others));
        assertThat(ended.code()).as(ended.err()).isZero();
        return job.output();
    }

    @ParameterizedTest
    @MethodSource("org.sparklora.worker.lora.LoraVariants#all")
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
    @MethodSource("org.sparklora.worker.lora.LoraVariants#all")
    void aResumedRunHasTheBitsOfOneThatNeverStopped(LoraVariant variant) throws IOException {
        Path run = train(variant, "training.lr_scheduler_type=constant");
        byte[] whole = Files.readAllBytes(run.resolve("adapter/adapter_model.safetensors"));
        String[] shorter = settings(
                variant, "training.lr_scheduler_type=constant", "training.num_train_epochs=1", "--overwrite");
        assertThat(job.train(shorter).code()).isZero();
        TrainingJob.Ended resumed =
                job.train(settings(variant, "training.lr_scheduler_type=constant", "--resume"));
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

    /** Probabilities by PEFT with the adapter, by transformers with the merged model, and by predict. */
    @ParameterizedTest
    @MethodSource("org.sparklora.worker.lora.LoraVariants#all")
    void peftAndTransformersPredictWhatWePredict(LoraVariant variant) throws Exception {
        PythonWitness python = PythonWitness.withPeft();
        Path run = train(variant, "training.learning_rate=0.05");
        Path merged = folder.resolve("merged");
        TrainingJob.Ended merge =
                TrainingJob.run("local[1]", "merge", "--run", run.toString(), "--output", merged.toString());
        assertThat(merge.code()).as(merge.err()).isZero();
        Path predicted = folder.resolve("predicted");
        TrainingJob.Ended predict = TrainingJob.run(
                "local[1]", "predict", "--run", run.toString(), "--input", job.trainCsv().toString(), "--output",
                predicted.toString());
        assertThat(predict.code()).as(predict.err()).isZero();

        String[] lines = python.run(
                        """
                        import csv, sys, torch
                        from peft import PeftModel
                        from transformers import AutoModelForSequenceClassification, BertTokenizer
                        model, adapter, merged, rows = sys.argv[1:]
                        read = BertTokenizer.from_pretrained(model)
                        base = AutoModelForSequenceClassification.from_pretrained(
                            model, num_labels=2, problem_type="single_label_classification", ignore_mismatched_sizes=True)
                        ours = [PeftModel.from_pretrained(base, adapter).eval(),
                                AutoModelForSequenceClassification.from_pretrained(merged).eval()]
                        for row in csv.DictReader(open(rows)):
                            batch = read(row["text"], return_tensors="pt")
                            with torch.no_grad():
                                print(*[float(m(**batch).logits.softmax(-1).max()) for m in ours])
                        """,
                        job.model(),
                        run.resolve("adapter"),
                        merged,
                        job.trainCsv())
                .split("\n");
        List<Double> wanted = new ArrayList<>();
        for (Path part : TrainingJob.parts(predicted)) {
            Files.readAllLines(part).stream()
                    .skip(1)
                    .forEach(line -> wanted.add(Double.valueOf(line.substring(line.lastIndexOf(',') + 1))));
        }
        assertThat(lines).hasSize(wanted.size());
        for (int row = 0; row < lines.length; row++) {
            List<Double> found = Arrays.stream(lines[row].split(" ")).map(Double::valueOf).toList();
            for (double probability : found) {
                assertThat(probability).as("row " + row + ": " + found).isCloseTo(wanted.get(row), within(2e-5));
            }
        }
    }
}
