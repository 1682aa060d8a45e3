package org.sparklora.worker.pickle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.SortedMap;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.sparklora.worker.safetensors.SafetensorsFile;
import org.sparklora.worker.safetensors.Tensor;
import org.sparklora.worker.safetensors.WeightsException;

class TorchFileTest {

    @TempDir
    Path dir;

    static List<Path> pickles() throws IOException {
        Path cases =
                Path.of(System.getProperty("project.root", "..")).resolve("worker/src/test/resources/golden/cases");
        try (Stream<Path> files = Files.walk(cases)) {
            return files.filter(f -> f.endsWith("adapter_model.bin")).sorted().toList();
        }
    }

    private static SortedMap<String, Tensor> read(Path file) {
        try (TorchFile open = TorchFile.open(file, TorchFile.Content.ADAPTER)) {
            return open.tensors();
        }
    }

    @ParameterizedTest
    @MethodSource("pickles")
    void equalsItsSafetensorsSibling(Path pickle) {
        try (SafetensorsFile sibling = SafetensorsFile.open(pickle.resolveSibling("adapter_model.safetensors"))) {
            assertThat(read(pickle)).isEqualTo(sibling.tensors()).isNotEmpty();
        }
    }

    @Test
    void anyDamageEndsInOneClearError() throws IOException {
        byte[] whole = new Pickle()
                .op("}(")
                .text("t")
                .op(new String(
                        appendTensor(new Pickle(), "FloatStorage", 4, 0, new int[] {2, 2}, new int[] {2, 1})
                                .bytes(),
                        StandardCharsets.ISO_8859_1))
                .op("u.")
                .bytes();
        assertThat(read(archive(whole, new byte[16]))).containsOnlyKeys("t");
        Random random = new Random(7);
        int loaded = 0;
        for (int i = 0; i < 2000; i++) {
            byte[] damaged = whole.clone();
            for (int n = random.nextInt(3); n >= 0; n--) {
                damaged[random.nextInt(damaged.length)] = (byte) random.nextInt(256);
            }
            Path file = archive(damaged, new byte[16]);
            try {
                loaded += read(file).size();
            } catch (WeightsException expected) {
                assertThat(expected.getMessage()).contains(file.toString());
            }
        }
        // Some damage only renames the tensor; any other exception has failed the test.
        assertThat(loaded).isBetween(1, 1000);
    }

    @Test
    void refusesAFunctionCallAndDoesNotRunIt() throws IOException {
        Path proof = dir.resolve("proof");
        Path file = archive(new Pickle()
                .op("c")
                .line("os")
                .line("system")
                .text("touch " + proof)
                .op("\u0085R.")
                .bytes());

        assertThatThrownBy(() -> read(file))
                .isInstanceOf(WeightsException.class)
                .hasMessageContainingAll(file.toString(), "`os.system`", "[weights.refused]");
        assertThat(proof).doesNotExist();
    }

    @Test
    void refusesEveryOtherWayToAFunction() throws IOException {
        Path stackGlobal =
                archive(new Pickle().text("builtins").text("eval").op("\u0093.").bytes());
        refused(stackGlobal, "`builtins.eval`");

        Path torchLoad =
                archive(new Pickle().op("c").line("torch").line("load").op(".").bytes());
        refused(torchLoad, "`torch.load`");

        Path inst =
                archive(new Pickle().op("(i").line("os").line("system").op(".").bytes());
        refused(inst, "0x69 at byte 3");

        Path notAFunction = archive(new Pickle().text("os.system").op(")R.").bytes());
        refused(notAFunction, "calls something");

        Path storageCall = archive(new Pickle()
                .op("c")
                .line("torch")
                .line("FloatStorage")
                .op(")R.")
                .bytes());
        refused(storageCall, "torch.FloatStorage");
    }

    @Test
    void refusesPicklesThatAreBroken() throws IOException {
        assertThatThrownBy(() -> read(archive(new Pickle().op("}").bytes()))).hasMessageEndingWith("[weights.damaged]");
        refused(archive(new Pickle().op("R.").bytes()), "stack");
        refused(archive(new Pickle().op("}t.").bytes()), "stack");
        refused(archive(new Pickle().op("h\u0007.").bytes()), "value 7");
        refused(archive(new Pickle().op("K\u0001.").bytes()), "no dictionary");
        refused(archive(new Pickle().op("}").text("a").op("K\u0001s.").bytes()), "entry 'a'");
        refused(archive(new Pickle().op("}})s.").bytes()), "keys");
        refused(archive(new byte[] {(byte) 0x80, 0, '.'}), "protocol 0");
        // A length of 4 GB must not be believed.
        assertThatThrownBy(() -> read(
                        archive(new Pickle().op("X\u00ff\u00ff\u00ff\u00ff.").bytes())))
                .hasMessageEndingWith("[weights.damaged]");
        byte[] endless = new byte[3_000_000];
        Arrays.fill(endless, (byte) '}');
        endless[0] = (byte) 0x80;
        endless[1] = 2;
        refused(archive(endless), "2000000 opcodes");
    }

    @Test
    void gathersStridedViewsOfEveryFloatType() throws IOException {
        ByteBuffer doubles = ByteBuffer.allocate(48).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < 6; i++) {
            doubles.putDouble(i);
        }
        // Transposed [2, 3] from row-major [3, 2].
        Path transposed = archive(tensor("DoubleStorage", 6, 0, new int[] {2, 3}, new int[] {1, 2}), doubles.array());
        assertThat(read(transposed))
                .containsOnlyKeys("t")
                .containsEntry("t", new Tensor(List.of(2, 3), new float[] {0, 2, 4, 1, 3, 5}));

        byte[] halves = {0, 0, 0, 0x3C, 1, 0};
        Path half = archive(tensor("HalfStorage", 3, 1, new int[] {2}, new int[] {1}), halves);
        assertThat(read(half)).containsEntry("t", new Tensor(List.of(2), new float[] {1, 0x1.0p-24f}));

        Path bfloat = archive(tensor("BFloat16Storage", 1, 0, new int[0], new int[0]), new byte[] {(byte) 0x80, 0x3F});
        assertThat(read(bfloat)).containsEntry("t", new Tensor(List.of(), new float[] {1}));

        Path repeated = archive(tensor("FloatStorage", 1, 0, new int[] {3, 0}, new int[] {0, 0}), new byte[4]);
        assertThat(read(repeated)).containsEntry("t", new Tensor(List.of(3, 0), new float[0]));
    }

    @Test
    void readsParametersAndModuleMetadata() throws IOException {
        // OrderedDict([("t", Parameter)]) with the attribute _metadata, protocol 4 style (frame, memoize, stack
        // globals).
        Pickle pickle = new Pickle().op("\u0095\0\0\0\0\0\0\0\0");
        pickle.text("collections").text("OrderedDict").op("\u0093)R\u0094").text("t");
        pickle.op("c").line("torch._utils").line("_rebuild_parameter").op("(");
        appendTensor(pickle, "FloatStorage", 1, 0, new int[] {1}, new int[] {1});
        pickle.op("\u0089h\0t" + "Rs}").text("_metadata").op("}sb.");
        Path file = archive(pickle.bytes(), new byte[] {0, 0, (byte) 0x80, 0x3F});

        assertThat(read(file)).containsEntry("t", new Tensor(List.of(1), new float[] {1}));
    }

    @Test
    void refusesViewsThatLeaveTheirStorage() throws IOException {
        for (byte[] pickle : List.of(
                tensor("FloatStorage", 1, 0, new int[] {2}, new int[] {1}),
                tensor("FloatStorage", 1, 1, new int[] {1}, new int[] {1}),
                tensor("FloatStorage", 1, -1, new int[] {1}, new int[] {1}),
                tensor("FloatStorage", 1, 0, new int[] {-1}, new int[] {1}),
                tensor("FloatStorage", 1, 0, new int[] {1}, new int[] {-1}),
                tensor("FloatStorage", 1, 0, new int[] {1}, new int[] {1, 1}),
                tensor("FloatStorage", 1, 0, new int[] {1 << 30, 1 << 30, 1 << 30}, new int[] {1 << 30, 1 << 30, 1 << 30
                }))) {
            Path file = archive(pickle, new byte[4]);
            assertThatThrownBy(() -> read(file))
                    .isInstanceOf(WeightsException.class)
                    .hasMessageContainingAll("'t'", "1 elements", "[weights.damaged]");
        }
    }

    @Test
    void refusesStoragesOfTheWrongSizeOrType() throws IOException {
        Path shorter = archive(tensor("FloatStorage", 2, 0, new int[] {2}, new int[] {1}), new byte[7]);
        assertThatThrownBy(() -> read(shorter))
                .hasMessageContainingAll(
                        shorter.toString(), "storage 0", "2 elements of 4 bytes", "7 bytes", "[weights.damaged]");

        Path longs = archive(tensor("LongStorage", 1, 0, new int[] {1}, new int[] {1}), new byte[8]);
        assertThatThrownBy(() -> read(longs))
                .hasMessageContainingAll(longs.toString(), "'t'", "LongStorage", "[weights.dtype]");

        Path absent = archive(tensor("FloatStorage", 1, 0, new int[] {1}, new int[] {1}));
        assertThatThrownBy(() -> read(absent))
                .hasMessageContainingAll(absent.toString(), "adapter_model/data/0", "[weights.damaged]");
    }

    @Test
    void refusesBombs() throws IOException {
        // One stored value repeated a billion times by stride 0.
        Path strides = archive(tensor("FloatStorage", 1, 0, new int[] {1 << 30}, new int[] {0}), new byte[4]);
        assertThatThrownBy(() -> read(strides))
                .isInstanceOf(WeightsException.class)
                .hasMessageContainingAll("1073741824 bytes", "[weights.too-large]");

        // 17 MB of zeros pack into a few kilobytes.
        Path deflated = archive(new byte[17 << 20]);
        assertThat(Files.size(deflated)).isLessThan(100_000);
        assertThatThrownBy(() -> read(deflated))
                .isInstanceOf(WeightsException.class)
                .hasMessageContainingAll("16777216 bytes", "[weights.too-large]");
    }

    @Test
    void refusesATruncatedOrAlteredArchive() throws IOException {
        byte[] whole = Files.readAllBytes(pickles().get(0));
        Path cut = Files.write(dir.resolve("cut.bin"), Arrays.copyOf(whole, whole.length / 2));
        assertThatThrownBy(() -> read(cut))
                .isInstanceOf(WeightsException.class)
                .hasMessageStartingWith(cut + ": ")
                .hasMessageEndingWith("[weights.damaged]");

        byte[] values = {1, 2, 3, 4};
        Path altered = archive(tensor("FloatStorage", 1, 0, new int[] {1}, new int[] {1}), values);
        byte[] bytes = Files.readAllBytes(altered);
        bytes[indexOf(bytes, values)] ^= 1;
        Files.write(altered, bytes);
        assertThatThrownBy(() -> read(altered))
                .hasMessageContainingAll(altered.toString(), "adapter_model/data/0", "checksum", "[weights.damaged]");
    }

    @Test
    void refusesOtherFormats() throws IOException {
        Path legacy = Files.write(dir.resolve("legacy.bin"), new byte[] {(byte) 0x80, 2, (byte) 0x8A, 10});
        assertThatThrownBy(() -> read(legacy)).hasMessageContainingAll(legacy.toString(), "1.6", "[weights.format]");

        Path pointer = Files.writeString(dir.resolve("pointer.bin"), "version https://git-lfs.github.com/spec/v1");
        assertThatThrownBy(() -> read(pointer))
                .hasMessageContainingAll(pointer.toString(), "git lfs pull", "[weights.format]");

        Path text = Files.writeString(dir.resolve("text.bin"), "weights");
        assertThatThrownBy(() -> read(text)).hasMessageContainingAll(text.toString(), "torch.save", "[weights.format]");

        Path other = dir.resolve("other.zip");
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(other))) {
            zip.putNextEntry(new ZipEntry("readme.txt"));
        }
        assertThatThrownBy(() -> read(other))
                .hasMessageContainingAll(other.toString(), "data.pkl", "0", "[weights.format]");
    }

    private static void refused(Path file, String fact) {
        assertThatThrownBy(() -> read(file))
                .isInstanceOf(WeightsException.class)
                .hasMessageContainingAll(file.toString(), fact)
                .hasMessageEndingWith("[weights.refused]");
    }

    private Path archive(byte[] pickle, byte[]... storages) {
        Path file = dir.resolve("adapter_model.bin");
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
            zip.putNextEntry(new ZipEntry("adapter_model/data.pkl"));
            zip.write(pickle);
            zip.setLevel(0);
            for (int i = 0; i < storages.length; i++) {
                zip.putNextEntry(new ZipEntry("adapter_model/data/" + i));
                zip.write(storages[i]);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return file;
    }

    private static byte[] tensor(String storage, int size, int offset, int[] shape, int[] strides) {
        Pickle pickle = new Pickle().op("}").text("t");
        appendTensor(pickle, storage, size, offset, shape, strides);
        return pickle.op("s.").bytes();
    }

    private static Pickle appendTensor(
            Pickle pickle, String storage, int size, int offset, int[] shape, int[] strides) {
        pickle.op("c").line("torch._utils").line("_rebuild_tensor_v2").op("((");
        pickle.text("storage")
                .op("c")
                .line("torch")
                .line(storage)
                .text("0")
                .text("cpu")
                .number(size)
                .op("tQ");
        pickle.number(offset).numbers(shape).numbers(strides).op("\u0089c");
        return pickle.line("collections").line("OrderedDict").op(")RtR");
    }

    private static int indexOf(byte[] bytes, byte[] part) {
        for (int i = 0; i <= bytes.length - part.length; i++) {
            if (Arrays.equals(bytes, i, i + part.length, part, 0, part.length)) {
                return i;
            }
        }
        throw new AssertionError("not found");
    }

    /** Writes opcodes by hand, so that a test can say what torch.save never would. */
    private static final class Pickle {

        private final ByteArrayOutputStream out = new ByteArrayOutputStream();

        Pickle() {
            op("\u0080\u0002");
        }

        Pickle op(String latin1) {
            out.writeBytes(latin1.getBytes(StandardCharsets.ISO_8859_1));
            return this;
        }

        Pickle line(String text) {
            return op(text + "\n");
        }

        Pickle text(String text) {
            return op("X").little(text.length()).op(text);
        }

        Pickle number(int value) {
            return op("J").little(value);
        }

        Pickle numbers(int[] values) {
            op("(");
            for (int value : values) {
                number(value);
            }
            return op("t");
        }

        byte[] bytes() {
            return out.toByteArray();
        }

        private Pickle little(int value) {
            out.writeBytes(ByteBuffer.allocate(4)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putInt(value)
                    .array());
            return this;
        }
    }
}
