package org.sparklora.worker.encoder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDArray;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.worker.contract.Arithmetic;
import org.sparklora.worker.contract.CodedException;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.safetensors.SafetensorsFile;
import org.sparklora.worker.safetensors.SafetensorsWriter;
import org.sparklora.worker.safetensors.Tensor;

class SharedModelsTest {

    private static final Path MODEL = Path.of(
            System.getProperty("project.root", ".."), "worker/src/test/resources/golden/models/tiny-bert-2l-reg");
    private static final String BIAS = "bert.pooler.dense.bias";

    @TempDir
    private Path folder;

    /** Writes a model whose pooler has biases of one value; replaces the file of one that is there by renaming. */
    private static Path write(Path folder, float bias) {
        try {
            Files.createDirectories(folder);
            Files.copy(
                    MODEL.resolve("config.json"), folder.resolve("config.json"), StandardCopyOption.REPLACE_EXISTING);
            SortedMap<String, Tensor> tensors = new TreeMap<>();
            try (SafetensorsFile file = SafetensorsFile.open(MODEL.resolve("model.safetensors"))) {
                tensors.putAll(file.tensors());
            }
            float[] values = new float[24];
            java.util.Arrays.fill(values, bias);
            tensors.put(BIAS, new Tensor(List.of(24), values));
            SafetensorsWriter.write(folder.resolve("new"), tensors);
            Files.move(folder.resolve("new"), weights(folder), StandardCopyOption.REPLACE_EXISTING);
            return folder;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Path weights(Path folder) {
        return folder.resolve("model.safetensors");
    }

    private static float bias(BaseModel model) {
        return Tensors.toFloats(model.weight(BIAS))[0];
    }

    @Test
    void aDirectoryWithOtherWeightsIsAnotherModel() {
        write(folder, 1);
        BaseModel first = BaseModel.shared(folder);
        assertThat(BaseModel.shared(folder)).isSameAs(first);
        write(folder, 2);
        assertThat(bias(BaseModel.shared(folder))).isEqualTo(2);
        assertThat(bias(first)).as("a task may still use it").isEqualTo(1);
    }

    @Test
    void anotherConfigurationIsAnotherModel() throws IOException {
        write(folder, 1);
        double before = BaseModel.shared(folder).encoder().sizes().initializerRange();
        Path config = folder.resolve("config.json");
        Files.writeString(
                config, Files.readString(config).replace("\"initializer_range\": 0.2", "\"initializer_range\": 0.5"));
        assertThat(before).isEqualTo(0.2);
        assertThat(BaseModel.shared(folder).encoder().sizes().initializerRange())
                .isEqualTo(0.5);
    }

    @Test
    void aRunEndsWhenItsFileIsReplacedButNotWhenOnlyItsTimeChanges() throws IOException {
        String began = BaseModel.sha256(write(folder, 1));
        BaseModel model = BaseModel.shared(folder, began, HeadInput.FIRST_TOKEN, Arithmetic.DEFAULT);
        Files.setLastModifiedTime(weights(folder), FileTime.fromMillis(1_000_000));
        pass(model);
        write(folder, 2);
        assertThatThrownBy(() -> pass(model)).hasMessageContainingAll(folder.toString(), "[model.changed]");
        assertThatThrownBy(() -> BaseModel.shared(folder, began, HeadInput.FIRST_TOKEN, Arithmetic.DEFAULT))
                .hasMessageContainingAll(folder.toString(), began, "[model.changed]");
    }

    @Test
    void anotherProcessRefusesWeightsThatAreNotTheRunsOwn() {
        String began = BaseModel.sha256(write(folder.resolve("a"), 3));
        String now = BaseModel.sha256(write(folder.resolve("b"), 4));
        assertThatThrownBy(
                        () -> BaseModel.shared(folder.resolve("b"), began, HeadInput.FIRST_TOKEN, Arithmetic.DEFAULT))
                .isInstanceOf(ModelException.class)
                .hasMessageContainingAll(folder.resolve("b").toString(), began, now, "[model.changed]");
    }

    @Test
    void weightsThatAreWrittenInPlaceAreRefusedInTheRunAndReadByTheNext() throws IOException {
        Files.setLastModifiedTime(weights(write(folder, 1)), FileTime.fromMillis(1_000_000));
        BaseModel first = BaseModel.shared(folder);
        byte[] other = Files.readAllBytes(weights(write(folder.resolve("other"), 2)));
        Files.write(weights(folder), other);
        assertThatThrownBy(() -> pass(first)).hasMessageContainingAll(folder.toString(), "[model.changed]");
        assertThat(bias(BaseModel.shared(folder))).isEqualTo(2);
    }

    private static void pass(BaseModel model) {
        try (NDManager manager = Torch.newManager()) {
            model.graph(manager, false);
        }
    }

    @Test
    void aModelWithoutUsersIsClosedAndOneWithUsersIsNot() {
        BaseModel used = BaseModel.shared(write(folder.resolve("used"), 10));
        NDArray lost = BaseModel.shared(write(folder.resolve("lost"), 11)).weight(BIAS);
        Supplier<Integer> next = new Supplier<>() {
            private int number = 12;

            @Override
            public Integer get() {
                BaseModel.shared(write(folder.resolve("next" + number), number));
                return number++;
            }
        };
        List<Integer> opened = new ArrayList<>();
        for (int i = 0; i < 50 && !((PtNDArray) lost).isReleased(); i++) {
            opened.add(next.get());
            assertThat(SharedModels.idle()).isLessThanOrEqualTo(2);
        }
        assertThat(((PtNDArray) lost).isReleased()).as("after %s", opened).isTrue();
        assertThat(bias(used)).isEqualTo(10);
        assertThat(BaseModel.shared(folder.resolve("used"))).isSameAs(used);
    }

    @Test
    void aFileThatIsShortenedInPlaceEndsNoProcess() throws Exception {
        write(folder, 1);
        Process child = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:-CreateCoredumpOnCrash",
                        "-XX:ErrorFile=" + folder.resolve("crash"),
                        "-Dai.djl.offline=true",
                        "-cp",
                        System.getProperty("java.class.path"),
                        SharedModelsTest.class.getName(),
                        folder.toString())
                .redirectErrorStream(true)
                .start();
        String said = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(child.waitFor()).as(said).isZero();
        assertThat(said).contains("during the run: model.changed", "after it: weights.damaged", "again: 1.0");
    }

    /** Shortens the file of a model that is open, as copying a new one over it does. */
    public static void main(String... args) throws IOException {
        Path folder = Path.of(args[0]);
        byte[] whole = Files.readAllBytes(weights(folder));
        BaseModel model = BaseModel.shared(folder);
        try (FileChannel file = FileChannel.open(weights(folder), StandardOpenOption.WRITE)) {
            file.truncate(100);
        }
        System.out.println("during the run: "
                + code(() -> {
                    pass(model);
                    return bias(model);
                }));
        System.out.println("after it: " + code(() -> bias(BaseModel.shared(folder))));
        Files.write(weights(folder), whole);
        System.out.println("again: " + code(() -> bias(BaseModel.shared(folder))));
    }

    private static String code(Supplier<Float> work) {
        try {
            return String.valueOf(work.get());
        } catch (CodedException e) {
            return e.code();
        }
    }
}
