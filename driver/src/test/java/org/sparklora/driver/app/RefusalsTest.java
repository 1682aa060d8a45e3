package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.sparklora.worker.safetensors.Tensor;

/** What {@code train} refuses, {@code doctor} and {@code plan} say before, with the same code. */
class RefusalsTest {

    private static final String TYPES = "bert.embeddings.token_type_embeddings.weight";

    /** An invalid master: only errors that are found before Spark starts have another code. */
    private static final String NO_SPARK = "none";

    @TempDir
    private Path folder;

    /** A wrong input, and overrides of the job. DIR in an override stands for the test's folder. */
    private record Input(String overrides, Consumer<SmallJob> change) {}

    private static Arguments of(String code, String overrides) {
        return of(code, overrides, job -> {});
    }

    private static Arguments of(String code, Consumer<SmallJob> change) {
        return of(code, "", change);
    }

    private static Arguments of(String code, String overrides, Consumer<SmallJob> change) {
        return Arguments.of(code, new Input(overrides, change));
    }

    private static Arguments ofRows(String code, String rows) {
        return of(code, job -> job.write("train.csv", rows.replace(";", "\n")));
    }

    static Stream<Arguments> beforeSparkStarts() {
        return Stream.of(
                of("config.key.unknown", "lora.lora_alhpa=16"),
                of("config.value.invalid", "training.shards=3"),
                of("config.value.conflict", "execution.kernel=mkl execution.precision=bfloat16"),
                of("manifest.module.unmatched", "lora.groups.top.target_modules=[qeury]"),
                of("manifest.invalid", "lora.groups.top.target_modules=[qeury] lora.groups.bottom.r=33"),
                of("config.value.unavailable", "lora.modules_to_save=[score]"),
                of("usage.max-length", "model.max_length=65"),
                of("model.directory", "model.path=DIR/none"),
                of("model.unreachable", "model.path=nofs://host/bert"),
                of("weights.damaged", job -> job.write("model/model.safetensors", "short")),
                of(
                        "weights.format",
                        job -> job.write("model/model.safetensors", "version https://git-lfs.github.com/spec/v1\n")),
                of("model.unsupported", job -> job.replaceInModel("config.json", "\"gelu\"", "\"relu\"")),
                of(
                        "model.unsupported",
                        job -> job.replaceInModel(
                                "config.json", "\"vocab_size\"", "\"is_decoder\": true, \"vocab_size\"")),
                of("model.weights", job -> job.replaceInModel("config.json", ": 24", ": 48")),
                of("model.token-types", "data.train.text_pair=label", RefusalsTest::oneTokenType),
                of("tokenizer.unusable", job -> job.write("model/vocab.txt", "good\nbad\n")),
                of(
                        "tokenizer.unusable",
                        job -> job.write(
                                "model/tokenizer_config.json", "{\"tokenizer_class\": \"BertJapaneseTokenizer\"}")),
                of("tokenizer.mismatch", job -> job.write("model/vocab.txt", vocabulary(job) + "w\n".repeat(300))),
                of("adapter.missing", "lora.init_adapter=DIR/none"),
                of("adapter.mismatch", "lora.init_adapter=DIR/adapter lora.r=2", RefusalsTest::adapter),
                of("data.file.missing", "data.train.path=DIR/none.csv"),
                of("data.file.missing", "data.validation.path=DIR/none*.csv"),
                of("data.format.unknown", "data.train.format=xlsx"));
    }

    static Stream<Arguments> inTheData() {
        return Stream.of(
                ofRows("data.column.missing", "text;label;a,yes"),
                ofRows("data.file.empty", "text,label"),
                ofRows("data.label.missing", "text,label;a,yes;b,no;c,"),
                ofRows("data.text.missing", "text,label;a,yes;,no"),
                ofRows("data.row.malformed", "text,label;a,yes;b"),
                ofRows("data.row.escape", "text,label;\"say \\\"yes\\\" now\",yes;b,no"),
                ofRows("data.labels.count", "text,label;a,yes;b,yes"),
                of("data.text.encoding", RefusalsTest::otherEncoding),
                // Neither compressed nor Parquet: a task fails to read it, which is no failure of the cluster.
                of(
                        "data.file.unreadable",
                        "data.train.path=DIR/train.csv.gz",
                        job -> job.write("train.csv.gz", "text")),
                of("data.file.unreadable", "data.train.format=parquet", job -> {}),
                of("data.label.unseen", "model.labels=[yes,on]"),
                of(
                        "data.label.unseen",
                        "data.validation.path=DIR/dev.csv",
                        job -> job.write("dev.csv", "text,label\nbad,mabye\n")),
                of(
                        "data.label.invalid",
                        "model.task=regression",
                        job -> job.write("train.csv", "text,label\na,1\nb,NaN\n")),
                of(
                        "data.tags.numbers",
                        "model.task=token_classification data.train.path=DIR/words.jsonl",
                        job -> job.write("words.jsonl", "{\"text\": [\"a\", \"b\"], \"label\": [0, 1]}\n")),
                of("adapter.mismatch", "lora.init_adapter=DIR/adapter", RefusalsTest::adapter));
    }

    @ParameterizedTest
    @MethodSource
    void beforeSparkStarts(String code, Input input) {
        saysTheSame(NO_SPARK, code, input);
    }

    @ParameterizedTest
    @MethodSource
    void inTheData(String code, Input input) {
        saysTheSame("local[2]", code, input);
    }

    @Test
    void settingsOfTheSession() {
        System.setProperty("spark.dynamicAllocation.enabled", "true");
        try {
            saysTheSame(NO_SPARK, "settings.exchange", new Input("execution.exchange=peer", job -> {}));
        } finally {
            System.clearProperty("spark.dynamicAllocation.enabled");
        }
    }

    @Test
    void theLocaleOfTheProcess() throws IOException {
        String before = System.setProperty("sun.jnu.encoding", "ANSI_X3.4-1968");
        try {
            saysTheSame(
                    NO_SPARK,
                    "settings.locale",
                    new Input(
                            "",
                            small -> small.replaceInModel(
                                    "../job.yaml", small.trainCsv().toString(), small.trainCsv() + ".é")));
            SmallJob job = new SmallJob(folder.resolve("again"));
            Files.createDirectory(folder.resolve("again/rows"));
            // Hadoop would leave the file out, and train on the others.
            job.write("rows/a.csv", "text,label\na,yes\n");
            job.write("rows/é.csv", "text,label\nb,no\n");
            assertThat(codes(job.trainWithoutSpark("data.train.path=" + folder + "/again/rows")
                            .err()))
                    .containsExactly("settings.locale");
            TrainingJob.Ended argument = run(NO_SPARK, "train", "name=é", true);
            assertThat(codes(argument.err())).containsExactly("settings.locale");
            assertThat(argument.err()).contains("'name=é'", "LC_ALL");
        } finally {
            System.setProperty("sun.jnu.encoding", before);
        }
    }

    /** plan does not look at the output. */
    @Test
    void theOutput() throws IOException {
        SmallJob job = new SmallJob(folder);
        Files.writeString(job.output(), "a file");
        assertThat(codes(run(NO_SPARK, "train", "", true).err())).containsExactly("output.unwritable");
        assertThat(problems(run(NO_SPARK, "doctor", "", true))).contains("output.unwritable");
        Files.delete(job.output());
        Files.createDirectories(job.output().resolve("checkpoints"));
        assertThat(codes(run(NO_SPARK, "train", "", true).err())).containsExactly("output.occupied");
        TrainingJob.Ended doctor = run(NO_SPARK, "doctor", "", true);
        assertThat(doctor.out().lines().filter(line -> line.startsWith("warning")))
                .anyMatch(line -> line.endsWith("[output.occupied]"));
    }

    @Test
    void aJobWithoutOutputIsExamined() {
        new SmallJob(folder);
        TrainingJob.Ended ended = run("local[2]", "doctor", "", false);
        assertThat(ended.code()).as(ended.out() + ended.err()).isZero();
        assertThat(ended.out()).contains("--output");
        assertThat(codes(run(NO_SPARK, "train", "", false).err())).containsExactly("config.key.missing");
    }

    private void saysTheSame(String master, String code, Input input) {
        input.change.accept(new SmallJob(folder));
        TrainingJob.Ended train = run(master, "train", input.overrides, true);
        assertThat(codes(train.err())).first().isEqualTo(code);
        assertThat(train.code()).isBetween(2, 4);
        TrainingJob.Ended plan = run(master, "plan", input.overrides, false);
        assertThat(codes(plan.err())).as("plan").first().isEqualTo(code);
        assertThat(plan.code()).as("plan").isEqualTo(train.code());
        TrainingJob.Ended doctor = run(master, "doctor", input.overrides, false);
        List<String> problems = problems(doctor);
        problems.removeIf(problem -> problem.equals("cluster.unreachable"));
        assertThat(problems).as("doctor").isEqualTo(codes(train.err()));
        assertThat(doctor.code()).as("doctor").isEqualTo(2);
    }

    private TrainingJob.Ended run(String master, String command, String overrides, boolean output) {
        List<String> arguments = new ArrayList<>(List.of(command, "--config", folder + "/job.yaml"));
        Arrays.stream(overrides.split(" "))
                .filter(override -> !override.isEmpty())
                .forEach(override -> arguments.addAll(List.of("--set", override.replace("DIR", folder.toString()))));
        if (output) {
            arguments.addAll(List.of("--output", folder + "/run"));
        }
        return TrainingJob.run(master, arguments.toArray(String[]::new));
    }

    /** The codes of an error's lines. */
    private static List<String> codes(String lines) {
        return lines.lines()
                .filter(line -> line.matches(".* \\[[a-z]+(\\.[a-z0-9-]+)+]( - .*)?"))
                .map(line -> line.replaceAll(".*\\[([a-z0-9.-]+)](?: - .*)?$", "$1"))
                .toList();
    }

    /** The codes of doctor's problems, or of its error if it could not begin. */
    private static List<String> problems(TrainingJob.Ended doctor) {
        List<String> problems =
                doctor.out().lines().filter(line -> line.startsWith("problem")).toList();
        assertThat(codes(String.join("\n", problems))).hasSameSizeAs(problems);
        return new ArrayList<>(codes(problems.isEmpty() ? doctor.err() : String.join("\n", problems)));
    }

    private static String vocabulary(SmallJob job) {
        try {
            return Files.readString(job.model().resolve("vocab.txt"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void oneTokenType(SmallJob job) {
        job.replaceInModel("config.json", "\"type_vocab_size\": 2", "\"type_vocab_size\": 1");
        SmallJob.changeTensors(
                job.model().resolve("model.safetensors"),
                tensors -> tensors.put(TYPES, new Tensor(List.of(1, 24), new float[24])));
    }

    /** An adapter of rank 4 with a head of three labels. */
    private static void adapter(SmallJob job) {
        Path adapter = job.output().resolveSibling("adapter");
        try {
            Files.createDirectories(adapter);
            Files.write(adapter.resolve("adapter_model.safetensors"), new byte[] {2, 0, 0, 0, 0, 0, 0, 0, '{', '}'});
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        job.write(
                "adapter/adapter_config.json",
                "{\"peft_type\": \"LORA\", \"task_type\": \"SEQ_CLS\", \"r\": 4, \"lora_alpha\": 8, \"bias\": \"none\","
                        + " \"target_modules\": [\"query\"], \"layers_to_transform\": [1], \"modules_to_save\": [\"classifier\"]}");
        String query = "base_model.model.bert.encoder.layer.1.attention.self.query.lora_";
        SmallJob.changeTensors(adapter.resolve("adapter_model.safetensors"), tensors -> {
            tensors.put(query + "A.weight", new Tensor(List.of(4, 24), new float[96]));
            tensors.put(query + "B.weight", new Tensor(List.of(24, 4), new float[96]));
            tensors.put("base_model.model.classifier.weight", new Tensor(List.of(3, 24), new float[72]));
            tensors.put("base_model.model.classifier.bias", new Tensor(List.of(3), new float[3]));
        });
    }

    private static void otherEncoding(SmallJob job) {
        try {
            Files.writeString(job.trainCsv(), "text,label\ncafé,yes\nbad,no\n", Charset.forName("windows-1252"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
