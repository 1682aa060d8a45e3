package org.sparklora.driver.model.peft;

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
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.sparklora.worker.safetensors.Tensor;

class TorchPickleTest {

    @TempDir
    Path dir;

    static List<Path> pickles() throws IOException {
        return Golden.named("adapter_model.bin");
    }

    @ParameterizedTest
    @MethodSource("pickles")
    void equalsItsSafetensorsSibling(Path pickle) {
        assertThat(TorchPickle.read(pickle))
                .isEqualTo(Golden.tensors(pickle.resolveSibling("adapter_model.safetensors")))
                .isNotEmpty();
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
        assertThat(TorchPickle.read(archive(whole, new byte[16]))).containsOnlyKeys("t");
        Random random = new Random(7);
        int loaded = 0;
        for (int i = 0; i < 2000; i++) {
            byte[] damaged = whole.clone();
            for (int n = random.nextInt(3); n >= 0; n--) {
                damaged[random.nextInt(damaged.length)] = (byte) random.nextInt(256);
            }
            Path file = archive(damaged, new byte[16]);
            try {
                loaded += TorchPickle.read(file).size();
            } catch (PeftException expected) {
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

        assertThatThrownBy(() -> TorchPickle.read(file))
                .isInstanceOf(PeftException.class)
                .hasMessage("refusing to load " + file + ": it asks for `os.system`, and an adapter needs only tensors;"
                        + " convert it to safetensors");
        assertThat(proof).doesNotExist();
    }

    @Test
    void refusesEveryOtherWayToAFunction() throws IOException {
        Path stackGlobal =
                archive(new Pickle().text("builtins").text("eval").op("\u0093.").bytes());
        refused(
                stackGlobal,
                "it asks for `builtins.eval`, and an adapter needs only tensors; convert it to safetensors");

        Path torchLoad =
                archive(new Pickle().op("c").line("torch").line("load").op(".").bytes());
        refused(torchLoad, "it asks for `torch.load`, and an adapter needs only tensors; convert it to safetensors");

        Path inst =
                archive(new Pickle().op("(i").line("os").line("system").op(".").bytes());
        refused(
                inst,
                "opcode 0x69 at byte 3 of its pickle is none that a dictionary of tensors needs; convert it to"
                        + " safetensors");

        Path notAFunction = archive(new Pickle().text("os.system").op(")R.").bytes());
        refused(
                notAFunction,
                "it calls something that is no function in a way that torch.save does not; convert it to"
                        + " safetensors");

        Path storageCall = archive(new Pickle()
                .op("c")
                .line("torch")
                .line("FloatStorage")
                .op(")R.")
                .bytes());
        refused(
                storageCall,
                "it calls torch.FloatStorage in a way that torch.save does not; convert it to safetensors");
    }

    @Test
    void refusesPicklesThatAreBroken() throws IOException {
        assertThatThrownBy(() -> TorchPickle.read(archive(new Pickle().op("}").bytes())))
                .hasMessageEndingWith(": the pickle ends in the middle; copy the file again");
        refused(
                archive(new Pickle().op("R.").bytes()),
                "its pickle takes more from the stack than it put there; convert it" + " to safetensors");
        refused(
                archive(new Pickle().op("}t.").bytes()),
                "its pickle takes more from the stack than it put there; convert it" + " to safetensors");
        refused(
                archive(new Pickle().op("h\u0007.").bytes()),
                "its pickle recalls value 7, which it never stored; convert it" + " to safetensors");
        refused(
                archive(new Pickle().op("K\u0001.").bytes()),
                "it holds no dictionary of tensors; convert it to safetensors");
        refused(
                archive(new Pickle().op("}").text("a").op("K\u0001s.").bytes()),
                "its entry 'a' is not a tensor; convert it to safetensors");
        refused(
                archive(new Pickle().op("}})s.").bytes()),
                "it has a dictionary whose keys are not names; convert it to safetensors");
        refused(
                archive(new byte[] {(byte) 0x80, 0, '.'}),
                "its pickle has protocol 0, and 2 to 5 are known; convert it to safetensors");
        // A length of 4 GB must not be believed.
        assertThatThrownBy(() -> TorchPickle.read(
                        archive(new Pickle().op("X\u00ff\u00ff\u00ff\u00ff.").bytes())))
                .hasMessageEndingWith(": the pickle ends in the middle; copy the file again");
        byte[] endless = new byte[3_000_000];
        Arrays.fill(endless, (byte) '}');
        endless[0] = (byte) 0x80;
        endless[1] = 2;
        refused(archive(endless), "its pickle has more than 2000000 opcodes; convert it to safetensors");
    }

    @Test
    void gathersStridedViewsOfEveryFloatType() throws IOException {
        ByteBuffer doubles = ByteBuffer.allocate(48).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < 6; i++) {
            doubles.putDouble(i);
        }
        // Transposed [2, 3] from row-major [3, 2].
        Path transposed = archive(tensor("DoubleStorage", 6, 0, new int[] {2, 3}, new int[] {1, 2}), doubles.array());
        assertThat(TorchPickle.read(transposed))
                .containsOnlyKeys("t")
                .containsEntry("t", new Tensor(List.of(2, 3), new float[] {0, 2, 4, 1, 3, 5}));

        byte[] halves = {0, 0, 0, 0x3C, 1, 0};
        Path half = archive(tensor("HalfStorage", 3, 1, new int[] {2}, new int[] {1}), halves);
        assertThat(TorchPickle.read(half)).containsEntry("t", new Tensor(List.of(2), new float[] {1, 0x1.0p-24f}));

        Path bfloat = archive(tensor("BFloat16Storage", 1, 0, new int[0], new int[0]), new byte[] {(byte) 0x80, 0x3F});
        assertThat(TorchPickle.read(bfloat)).containsEntry("t", new Tensor(List.of(), new float[] {1}));

        Path repeated = archive(tensor("FloatStorage", 1, 0, new int[] {3, 0}, new int[] {0, 0}), new byte[4]);
        assertThat(TorchPickle.read(repeated)).containsEntry("t", new Tensor(List.of(3, 0), new float[0]));
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

        assertThat(TorchPickle.read(file)).containsEntry("t", new Tensor(List.of(1), new float[] {1}));
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
            assertThatThrownBy(() -> TorchPickle.read(file))
                    .isInstanceOf(PeftException.class)
                    .hasMessageMatching(
                            ".*: tensor 't' of shape .* at offset .* does not fit its storage of 1 elements; the"
                                    + " file is damaged, copy it again");
        }
    }

    @Test
    void refusesStoragesOfTheWrongSizeOrType() throws IOException {
        Path shorter = archive(tensor("FloatStorage", 2, 0, new int[] {2}, new int[] {1}), new byte[7]);
        assertThatThrownBy(() -> TorchPickle.read(shorter))
                .hasMessage(
                        shorter + ": storage 0 should hold 2 elements of 4 bytes, but has 7 bytes; the file is damaged,"
                                + " copy it again");

        Path longs = archive(tensor("LongStorage", 1, 0, new int[] {1}, new int[] {1}), new byte[8]);
        assertThatThrownBy(() -> TorchPickle.read(longs))
                .hasMessage(
                        longs + ": tensor 't' is of type LongStorage, and an adapter's tensors are floating-point; this"
                                + " is not an adapter");

        Path absent = archive(tensor("FloatStorage", 1, 0, new int[] {1}, new int[] {1}));
        assertThatThrownBy(() -> TorchPickle.read(absent))
                .hasMessage(absent + ": there is no adapter_model/data/0 in the archive; copy the file again");
    }

    @Test
    void refusesBombs() throws IOException {
        // One stored value repeated a billion times by stride 0.
        Path strides = archive(tensor("FloatStorage", 1, 0, new int[] {1 << 30}, new int[] {0}), new byte[4]);
        assertThatThrownBy(() -> TorchPickle.read(strides))
                .isInstanceOf(PeftException.class)
                .hasMessageContaining("it unpacks to more than 1073741824 bytes");

        // 17 MB of zeros pack into a few kilobytes.
        Path deflated = archive(new byte[17 << 20]);
        assertThat(Files.size(deflated)).isLessThan(100_000);
        assertThatThrownBy(() -> TorchPickle.read(deflated))
                .isInstanceOf(PeftException.class)
                .hasMessageContaining("or 16777216 bytes of pickle");
    }

    @Test
    void refusesATruncatedOrAlteredArchive() throws IOException {
        byte[] whole = Files.readAllBytes(pickles().get(0));
        Path cut = Files.write(dir.resolve("cut.bin"), Arrays.copyOf(whole, whole.length / 2));
        assertThatThrownBy(() -> TorchPickle.read(cut))
                .isInstanceOf(PeftException.class)
                .hasMessageStartingWith(cut + ": the archive is damaged or incomplete (")
                .hasMessageEndingWith("); copy the file again");

        byte[] values = {1, 2, 3, 4};
        Path altered = archive(tensor("FloatStorage", 1, 0, new int[] {1}, new int[] {1}), values);
        byte[] bytes = Files.readAllBytes(altered);
        bytes[indexOf(bytes, values)] ^= 1;
        Files.write(altered, bytes);
        assertThatThrownBy(() -> TorchPickle.read(altered))
                .hasMessage(altered
                        + ": adapter_model/data/0 in the archive fails its checksum; the file is damaged, copy it"
                        + " again");
    }

    @Test
    void refusesOtherFormats() throws IOException {
        Path legacy = Files.write(dir.resolve("legacy.bin"), new byte[] {(byte) 0x80, 2, (byte) 0x8A, 10});
        assertThatThrownBy(() -> TorchPickle.read(legacy))
                .hasMessage(legacy
                        + ": this is the format of PyTorch before 1.6 (a bare pickle), which is not read; load it"
                        + " with PyTorch and save it again, or convert it to safetensors");

        Path text = Files.writeString(dir.resolve("text.bin"), "version https://git-lfs.github.com/spec/v1");
        assertThatThrownBy(() -> TorchPickle.read(text))
                .hasMessage(text + ": this is not a file that torch.save wrote; copy the file again");

        Path other = dir.resolve("other.zip");
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(other))) {
            zip.putNextEntry(new ZipEntry("readme.txt"));
        }
        assertThatThrownBy(() -> TorchPickle.read(other))
                .hasMessage(other
                        + ": a file that torch.save wrote has one data.pkl inside, this has 0; copy the file again"
                        + " or convert it to safetensors");
    }

    private static void refused(Path file, String why) {
        assertThatThrownBy(() -> TorchPickle.read(file))
                .isInstanceOf(PeftException.class)
                .hasMessage("refusing to load " + file + ": " + why);
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
