package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.huggingface.translator.TextClassificationTranslatorFactory;
import ai.djl.inference.Predictor;
import ai.djl.modality.Classifications;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.cluster.FaultyFileSystem;
import org.sparklora.driver.training.ExitCode;
import org.sparklora.driver.training.TrainedRun;
import org.sparklora.worker.encoder.BaseModel;

class MergeAndExportCommandTest {

    @TempDir
    private static Path shared;

    private static SmallJob job;

    @TempDir
    private Path folder;

    @BeforeAll
    static void train() {
        job = new SmallJob(shared);
        TrainingJob.Ended ended = job.train("training.num_train_epochs=1", "schedule.events=[]", "name=small");
        assertThat(ended.code()).as(ended.err()).isZero();
    }

    @AfterEach
    void forgetScheme() {
        FaultyFileSystem.SETTINGS.keySet().forEach(key -> System.clearProperty("spark.hadoop." + key));
    }

    private static TrainingJob.Ended command(String name, Object run, Object output, String... more) {
        List<String> args = new ArrayList<>(List.of(name, "--run", run.toString(), "--output", output.toString()));
        args.addAll(List.of(more));
        return TrainingJob.run("local[1]", args.toArray(String[]::new));
    }

    private static void refused(TrainingJob.Ended ended, ExitCode exit, String code, String... facts) {
        assertThat(ended.err().strip().lines())
                .singleElement()
                .asString()
                .startsWith("spark-lora: ")
                .contains(facts)
                .endsWith("[" + code + "]");
        assertThat(ended.code()).isEqualTo(exit.code());
        assertThat(ended.out()).isEmpty();
    }

    @Test
    void mergeWritesAModelThatIsABaseItself() throws IOException {
        String before = BaseModel.sha256(job.model());
        Path out = folder.resolve("merged");
        TrainingJob.Ended ended = command("merge", job.output(), out);
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(ended.out()).contains("small", "2 LoRA modules", out.toString());
        assertThat(ended.err()).isEmpty();
        assertThat(out.toFile().list()).containsExactlyInAnyOrder("config.json", "model.safetensors", "vocab.txt");
        assertThat(out.resolve("config.json"))
                .content()
                .contains("\"0\": \"no\"")
                .contains("\"yes\": 1");
        assertThat(BaseModel.sha256(job.model())).isEqualTo(before);

        Path again = folder.resolve("again");
        assertThat(command("merge", job.output(), again).code()).isZero();
        assertThat(again.resolve("model.safetensors")).hasSameBinaryContentAs(out.resolve("model.safetensors"));

        SmallJob next = new SmallJob(folder.resolve("next"));
        TrainingJob.Ended trained =
                next.train("model.path=" + out, "training.num_train_epochs=1", "schedule.events=[]");
        assertThat(trained.code()).as(trained.err()).isZero();
    }

    @Test
    void exportWritesWhatDjlServes() throws Exception {
        Path out = folder.resolve("served");
        TrainingJob.Ended ended = command("export", job.output(), out, "--format", "torchscript");
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(ended.out()).contains("small", "2 LoRA modules", "TorchScript", out.toString());
        assertThat(out.resolve("serving.properties")).content().contains("maxLength=16\n");
        Criteria<String, Classifications> criteria = Criteria.builder()
                .setTypes(String.class, Classifications.class)
                .optModelPath(out)
                .optTranslatorFactory(new TextClassificationTranslatorFactory())
                .build();
        try (ZooModel<String, Classifications> model = criteria.loadModel();
                Predictor<String, Classifications> predictor = model.newPredictor()) {
            assertThat(predictor.predict("good movie").getClassNames()).containsExactlyInAnyOrder("no", "yes");
        }
    }

    @Test
    void exportWritesOnnxInBothTypes() throws IOException {
        Path whole = folder.resolve("onnx");
        TrainingJob.Ended ended = command("export", job.output(), whole, "--format", "onnx");
        assertThat(ended.code()).as(ended.err()).isZero();
        assertThat(ended.out()).contains("small", "2 LoRA modules", "ONNX", whole.toString());
        Path half = folder.resolve("half");
        assertThat(command("export", job.output(), half, "--format", "onnx", "--dtype", "float16")
                        .code())
                .isZero();
        assertThat(Files.size(half.resolve("model.onnx"))).isLessThan(Files.size(whole.resolve("model.onnx")) * 2 / 3);
        assertThat(half.resolve("config.json")).content().contains("float16");
        assertThat(half.resolve("tokenizer.json")).exists();
    }

    @Test
    void aRunAndAModelOnAHadoopFileSystem() throws IOException {
        FaultyFileSystem.SETTINGS.forEach((key, value) -> System.setProperty("spark.hadoop." + key, value));
        FaultyFileSystem store = FaultyFileSystem.disk().objectStore();
        Path run = folder.resolve("run");
        try (Stream<Path> files = Files.walk(job.output())) {
            for (Path file : files.toList()) {
                Files.copy(file, run.resolve(job.output().relativize(file).toString()));
            }
        }
        Path out = folder.resolve("merged");
        TrainingJob.Ended ended = command("merge", store.at(run), store.at(out));
        assertThat(ended.code()).as(ended.err()).isZero();
        Path local = folder.resolve("local");
        assertThat(command("merge", job.output(), local).code()).isZero();
        assertThat(out.resolve("model.safetensors")).hasSameBinaryContentAs(local.resolve("model.safetensors"));

        // A disk that fills up in the middle leaves nothing that looks like a model.
        store.dieAfter(20_000);
        TrainingJob.Ended full = command("merge", store.at(run), store.at(folder.resolve("full")));
        assertThat(full.code()).isEqualTo(2);
        assertThat(full.err()).contains("/model.safetensors", "[output.unwritable]");
        assertThat(folder.resolve("full").resolve("config.json")).doesNotExist();
    }

    @Test
    void everyErrorIsOneLineWithACode() throws IOException {
        Path out = folder.resolve("out");
        refused(
                command("merge", folder, out),
                ExitCode.USAGE,
                "usage.run-missing",
                folder.toString(),
                "history.jsonl",
                "status.json",
                "--run");
        TrainingJob.Ended occupied = command("merge", job.output(), job.model());
        assertThat(occupied.code()).isEqualTo(ExitCode.USAGE.code());
        assertThat(occupied.err()).contains(job.model() + " ", "model.safetensors", "[output.not-empty]");
        refused(
                command("merge", job.output(), out, "--dtype", "bfloat16"),
                ExitCode.USAGE,
                "usage.option-value",
                "--dtype 'bfloat16'",
                "float32",
                "float16");
        refused(
                command("export", job.output(), out, "--format", "coreml"),
                ExitCode.USAGE,
                "usage.option-value",
                "--format 'coreml'",
                "torchscript",
                "merge");
        refused(
                command("export", job.output(), out, "--format", "torchscript", "--dtype", "float16"),
                ExitCode.USAGE,
                "usage.option-value",
                "--dtype float16 is for --format onnx");
        refused(
                command(
                        "export",
                        job.output(),
                        out,
                        "--format",
                        "torchscript",
                        "--base",
                        folder.resolve("x").toString()),
                ExitCode.MODEL,
                "model.base",
                "--base " + folder.resolve("x"));
        TrainingJob.Ended other = command("merge", job.output(), out, "--base", TrainingJob.TINY_MODEL.toString());
        assertThat(other.code()).isEqualTo(ExitCode.MODEL.code());
        assertThat(other.err())
                .contains(TrainingJob.TINY_MODEL.getFileName().toString(), "--base DIR", "[model.base-changed]");
        Path file = Files.writeString(folder.resolve("file"), "");
        TrainingJob.Ended intoFile = command("merge", job.output(), file);
        assertThat(intoFile.code()).isEqualTo(2);
        assertThat(intoFile.err()).contains(file.toString(), "[output.");
        assertThat(out).doesNotExist();
    }

    @Test
    void theAdaptersCardNamesDataAndGroups() {
        TrainedRun run = TrainedRun.read(job.output().toString(), Optional.empty());
        assertThat(run.labels()).containsExactly("no", "yes");
        assertThat(job.output().resolve("adapter/README.md"))
                .content()
                .contains("base_model: \"model\"", "4 rows of `train.csv`, texts of at most 16 tokens", "`no`, `yes`")
                .doesNotContain(shared.toString());
    }
}
