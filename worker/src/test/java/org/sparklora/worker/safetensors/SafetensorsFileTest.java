package org.sparklora.worker.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class SafetensorsFileTest {

    private static final Path ROOT = Path.of(System.getProperty("project.root", ".."));

    @TempDir
    Path dir;

    static Stream<Arguments> damagedHeaders() {
        return Stream.of(
                Arguments.of("", 0, "the header is not the JSON object it must be (at $); copy the file again"),
                Arguments.of("[1]", 0, "the header is not the JSON object it must be (at $); copy the file again"),
                Arguments.of(
                        "{\"a\":{\"dtype\":\"F32\"",
                        0,
                        "the header is not the JSON object it must be (at $.a.dtype); copy the file again"),
                Arguments.of("{} {}", 0, "the header is not the JSON object it must be (at $); copy the file again"),
                Arguments.of("{\"a\":3}", 0, damaged("tensor 'a' is not described by an object")),
                Arguments.of(
                        tensor("a", "\"shape\":[1],\"data_offsets\":[0,4]"), 4, damaged("tensor 'a' has no dtype")),
                Arguments.of(
                        tensor("a", "\"dtype\":\"F32\",\"data_offsets\":[0,4]"), 4, damaged("tensor 'a' has no shape")),
                Arguments.of(
                        tensor("a", "\"dtype\":\"F32\",\"shape\":[1]"), 4, damaged("tensor 'a' has no data_offsets")),
                Arguments.of(
                        tensor("a", "\"dtype\":7,\"shape\":[1],\"data_offsets\":[0,4]"),
                        4,
                        damaged("tensor 'a': dtype is not a string")),
                Arguments.of(f32("a", "3", "[0,4]"), 4, damaged("tensor 'a': shape is not a list")),
                Arguments.of(
                        f32("a", "[\"1\"]", "[0,4]"),
                        4,
                        damaged("tensor 'a': shape holds something that is not a number")),
                Arguments.of(
                        f32("a", "[-1]", "[0,4]"),
                        4,
                        damaged("tensor 'a': shape holds -1, which is not a whole number from 0 to 10^18")),
                Arguments.of(
                        f32("a", "[1]", "[0,4e0]"),
                        4,
                        damaged("tensor 'a': data_offsets holds 4e0, which is not a whole number from 0 to 10^18")),
                Arguments.of(
                        f32("a", "[3000000000]", "[0,4]"), 4, damaged("tensor 'a': shape [3000000000] is too large")),
                Arguments.of(
                        f32("a", "[2000000000,2000000000,2000000000]", "[0,4]"),
                        4,
                        damaged("tensor 'a': shape [2000000000, 2000000000, 2000000000] is too large")),
                Arguments.of(
                        f32("a", "[1]", "[4,0]"), 4, damaged("tensor 'a': data_offsets [4, 0] must be [begin, end]")),
                Arguments.of(f32("a", "[1]", "[0]"), 4, damaged("tensor 'a': data_offsets [0] must be [begin, end]")),
                Arguments.of(
                        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                                + "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
                        8,
                        damaged("the header names 'a' twice")),
                Arguments.of("{\"__metadata__\":{\"n\":1}}", 0, damaged("the header's __metadata__.n is not a string")),
                Arguments.of(
                        f32("a", "[2]", "[0,4]"),
                        4,
                        incomplete("tensor 'a': F32[2] needs 8 bytes, but data_offsets [0, 4] give it 4")),
                Arguments.of(
                        f32("a", "[2]", "[0,8]"),
                        7,
                        incomplete("tensor 'a' ends at byte 8 of the data, but the file holds 7")),
                Arguments.of(
                        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                                + "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
                        8,
                        incomplete("tensor 'b' begins at byte 4 and so overlaps 'a', which ends at 8")),
                Arguments.of(
                        f32("a", "[1]", "[4,8]"),
                        8,
                        incomplete("bytes 0 to 4, before tensor 'a', belong to no tensor")),
                Arguments.of(
                        f32("a", "[1]", "[0,4]"), 9, incomplete("5 bytes after the last tensor belong to no tensor")));
    }

    @ParameterizedTest
    @MethodSource("damagedHeaders")
    void refusesADamagedHeader(String header, int dataBytes, String message) throws IOException {
        // Spaces keep the shortest cases above the least length a header may have.
        Path file = write((header + "  ").getBytes(StandardCharsets.UTF_8), dataBytes);

        assertThatThrownBy(() -> SafetensorsFile.open(file))
                .isInstanceOf(SafetensorsException.class)
                .hasMessage(file + ": " + message);
    }

    @Test
    void refusesAHeaderThatIsNotUtf8() throws IOException {
        Path file = write(new byte[] {'{', (byte) 0xC3, '}'}, 0);

        assertThatThrownBy(() -> SafetensorsFile.open(file))
                .hasMessage(file + ": the header is not UTF-8 text; copy the file again");
    }

    @Test
    void refusesAFileTooShortForALength() throws IOException {
        Path file = Files.write(dir.resolve("short.safetensors"), new byte[7]);

        assertThatThrownBy(() -> SafetensorsFile.open(file))
                .hasMessage(file + ": the file has 7 bytes, too few for a safetensors file (8 at least);"
                        + " copy the file again");
    }

    @Test
    void refusesAHeaderThatEndsBeyondTheFile() throws IOException {
        Path file = withLength(1000);

        assertThatThrownBy(() -> SafetensorsFile.open(file))
                .hasMessage(
                        file + ": the header should end at byte 1008, but the file ends at 10; the file is incomplete,"
                                + " copy the file again");
    }

    @Test
    void refusesAHugeOrNegativeHeaderLengthWithoutAllocatingIt() throws IOException {
        Path huge = withLength(100_000_001);
        assertThatThrownBy(() -> SafetensorsFile.open(huge))
                .hasMessage(
                        huge + ": the first 8 bytes give a header of 100000001 bytes, and a safetensors header has 2 to"
                                + " 100000000; this is another format or the file is damaged, copy the file again");

        Path negative = withLength(-1);
        assertThatThrownBy(() -> SafetensorsFile.open(negative))
                .isInstanceOf(SafetensorsException.class)
                .hasMessageContaining("a header of 18446744073709551615 bytes");
    }

    @Test
    void refusesAMissingFileAndAFolder() {
        Path missing = dir.resolve("absent.safetensors");
        assertThatThrownBy(() -> SafetensorsFile.open(missing))
                .hasMessage(missing + ": there is no such file; check the path");
        assertThatThrownBy(() -> SafetensorsFile.open(dir))
                .isInstanceOf(SafetensorsException.class)
                .hasMessageStartingWith(dir + ": cannot be read (");
    }

    @Test
    void namesTheMissingTensor() throws IOException {
        Path file = write(f32("a", "[1]", "[0,4]").getBytes(StandardCharsets.UTF_8), 4);
        try (SafetensorsFile open = SafetensorsFile.open(file)) {
            assertThatThrownBy(() -> open.floats("b"))
                    .isInstanceOf(SafetensorsException.class)
                    .hasMessage(file + ": there is no tensor 'b' among the 1 in the file; check that this is the right"
                            + " model");
        }
    }

    @Test
    void unknownTypesMatterOnlyWhenTheTensorIsRead() throws IOException {
        String header = "{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[3],\"data_offsets\":[0,3]},"
                + "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[3,7]},"
                + "\"c\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[7,15]}}";
        Path file = write(header.getBytes(StandardCharsets.UTF_8), 15);
        try (SafetensorsFile open = SafetensorsFile.open(file)) {
            assertThat(open.names()).containsExactly("a", "b", "c");
            assertThat(open.shape("a")).containsExactly(3);
            assertThat(open.floats("b")).containsExactly(0f);
            assertThatThrownBy(() -> open.floats("a"))
                    .hasMessage(
                            file + ": tensor 'a' has dtype 'F8_E4M3', which cannot be read here; convert the file to"
                                    + " F32, F16 or BF16");
            assertThatThrownBy(() -> open.floats("c"))
                    .hasMessage(file + ": tensor 'c' has dtype I64, and floating-point values are needed; this is not"
                            + " the tensor it is taken for");
        }
    }

    @Test
    void widensEveryFloatType() throws IOException {
        String header = "{\"b\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[0,4]},"
                + "\"d\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[4,20]},"
                + "\"h\":{\"dtype\":\"F16\",\"shape\":[2,1],\"data_offsets\":[20,24]},"
                + "\"s\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[24,28]}}";
        ByteBuffer data = ByteBuffer.allocate(28).order(ByteOrder.LITTLE_ENDIAN);
        data.putShort((short) 0x3F80).putShort((short) 0xC000);
        data.putDouble(0.1).putDouble(Double.NEGATIVE_INFINITY);
        data.putShort((short) 0x3C00).putShort((short) 1);
        data.putFloat(-0f);
        Path file = write(header.getBytes(StandardCharsets.UTF_8), data.array());
        try (SafetensorsFile open = SafetensorsFile.open(file)) {
            assertThat(open.floats("b")).containsExactly(1f, -2f);
            assertThat(open.floats("d")).containsExactly(0.1f, Float.NEGATIVE_INFINITY);
            assertThat(open.floats("h")).containsExactly(1f, 0x1.0p-24f);
            assertThat(open.tensor("s")).isEqualTo(new Tensor(List.of(), new float[] {-0f}));
        }
    }

    @Test
    void mapsJustTheTensorReadOnlyAndLittleEndian() throws IOException {
        String header = "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                + "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]},"
                + "\"e\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[12,12]}}";
        ByteBuffer data = ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN);
        data.putFloat(1f).putFloat(2f).putFloat(3f);
        Path file = write(header.getBytes(StandardCharsets.UTF_8), data.array());
        ByteBuffer mapped;
        try (SafetensorsFile open = SafetensorsFile.open(file)) {
            mapped = open.map("b");
            assertThat(open.map("e").remaining()).isZero();
            assertThat(open.floats("e")).isEmpty();
        }
        assertThat(mapped.isReadOnly()).isTrue();
        assertThat(mapped.isDirect()).isTrue();
        assertThat(mapped.remaining()).isEqualTo(8);
        assertThat(mapped.getFloat(0)).isEqualTo(2f);
        assertThat(mapped.getFloat(4)).isEqualTo(3f);
    }

    @Test
    void opensAFileAboveTwoGibibytes() throws IOException {
        long first = 1_600_000_000L;
        long end = 2 * first + 4;
        String header = "{\"a\":{\"dtype\":\"U8\",\"shape\":[1600000000],\"data_offsets\":[0," + first + "]},"
                + "\"b\":{\"dtype\":\"U8\",\"shape\":[1600000000],\"data_offsets\":[" + first + "," + 2 * first + "]},"
                + "\"c\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[" + 2 * first + "," + end + "]}}";
        Path file = write(header.getBytes(StandardCharsets.UTF_8), 0);
        // Sparse: only the last four bytes take space on disk.
        try (var channel = Files.newByteChannel(file, StandardOpenOption.WRITE)) {
            channel.position(8 + header.length() + 2 * first);
            channel.write(ByteBuffer.allocate(4)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putFloat(7f)
                    .flip());
        }
        try (SafetensorsFile open = SafetensorsFile.open(file)) {
            assertThat(open.floats("c")).containsExactly(7f);
            assertThat(open.map("c").getFloat(0)).isEqualTo(7f);
            assertThat(open.map("b").remaining()).isEqualTo(1_600_000_000);
        }
    }

    @Test
    void saysSoWhenTheFileShrinksUnderIt() throws IOException {
        Path file = write(f32("a", "[4]", "[0,16]").getBytes(StandardCharsets.UTF_8), 16);
        try (SafetensorsFile open = SafetensorsFile.open(file)) {
            try (var channel = Files.newByteChannel(file, StandardOpenOption.WRITE)) {
                channel.truncate(Files.size(file) - 3);
            }
            assertThatThrownBy(() -> open.floats("a"))
                    .isInstanceOf(SafetensorsException.class)
                    .hasMessageContaining("the file changed since it was opened");
        }
    }

    @Test
    void anyDamageToTheHeaderEndsInOneClearError() throws IOException {
        SortedMap<String, Tensor> tensors = new TreeMap<>();
        tensors.put("a", new Tensor(List.of(2, 2), new float[4]));
        tensors.put("b", new Tensor(List.of(3), new float[3]));
        byte[] whole = SafetensorsWriter.encode(tensors);
        int headerEnd = whole.length - 28;
        Random random = new Random(11);
        int refused = 0;
        for (int i = 0; i < 2000; i++) {
            byte[] damaged = whole.clone();
            damaged[random.nextInt(headerEnd)] = (byte) random.nextInt(256);
            Path file = Files.write(dir.resolve("damaged.safetensors"), damaged);
            try (SafetensorsFile open = SafetensorsFile.open(file)) {
                for (String name : open.names()) {
                    open.floats(name);
                }
            } catch (SafetensorsException expected) {
                assertThat(expected.getMessage()).startsWith(file + ": ");
                refused++;
            }
        }
        // What is left only renames a tensor or changes the metadata; any other exception has failed the test.
        assertThat(refused).isGreaterThan(1000);
    }

    static List<Path> models() throws IOException {
        try (Stream<Path> golden = Files.list(ROOT.resolve("worker/src/test/resources/golden/models"))) {
            return Stream.concat(golden.sorted(), Stream.of(ROOT.resolve("conf/starter-bert-12l")))
                    .map(model -> model.resolve("model.safetensors"))
                    .toList();
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void readsModelsThatHuggingFaceWrote(Path model) throws IOException {
        byte[] bytes = Files.readAllBytes(model);
        ByteBuffer raw = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        int headerBytes = (int) raw.getLong(0);
        JsonObject header = JsonParser.parseString(new String(bytes, 8, headerBytes, StandardCharsets.UTF_8))
                .getAsJsonObject();
        header.remove("__metadata__");
        try (SafetensorsFile open = SafetensorsFile.open(model)) {
            assertThat(open.names()).isEqualTo(header.keySet()).isNotEmpty();
            assertThat(open.metadata()).containsEntry("format", "pt");
            for (String name : open.names()) {
                int begin = 8
                        + headerBytes
                        + header.getAsJsonObject(name)
                                .getAsJsonArray("data_offsets")
                                .get(0)
                                .getAsInt();
                ByteBuffer mapped = open.map(name);
                byte[] slice = new byte[mapped.remaining()];
                mapped.get(slice);
                assertThat(slice).isEqualTo(Arrays.copyOfRange(bytes, begin, begin + slice.length));
                if (!open.dtype(name).isFloat()) {
                    continue;
                }
                float[] values = open.floats(name);
                assertThat(values).hasSize(slice.length / open.dtype(name).bytes());
                if (open.dtype(name) == DType.F32) {
                    assertThat(values[values.length - 1]).isEqualTo(raw.getFloat(begin + slice.length - 4));
                }
                for (float value : values) {
                    assertThat(Float.isFinite(value)).isTrue();
                }
            }
        }
    }

    private Path write(byte[] header, int dataBytes) throws IOException {
        return write(header, new byte[dataBytes]);
    }

    private Path write(byte[] header, byte[] data) throws IOException {
        ByteBuffer file = ByteBuffer.allocate(8 + header.length + data.length).order(ByteOrder.LITTLE_ENDIAN);
        file.putLong(header.length).put(header).put(data);
        return Files.write(dir.resolve("x.safetensors"), file.array());
    }

    private Path withLength(long length) throws IOException {
        byte[] bytes = ByteBuffer.allocate(10)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(length)
                .put((byte) '{')
                .put((byte) '}')
                .array();
        return Files.write(dir.resolve("length" + length + ".safetensors"), bytes);
    }

    private static String f32(String name, String shape, String offsets) {
        return tensor(name, "\"dtype\":\"F32\",\"shape\":" + shape + ",\"data_offsets\":" + offsets);
    }

    private static String tensor(String name, String body) {
        return "{\"" + name + "\":{" + body + "}}";
    }

    private static String damaged(String what) {
        return what + "; the file is damaged, copy the file again";
    }

    private static String incomplete(String what) {
        return what + "; the file is damaged or incomplete, copy the file again";
    }
}
