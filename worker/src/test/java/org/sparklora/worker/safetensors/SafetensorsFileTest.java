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
        String two =
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"a\":{\"dtype\":\"F32\",\"shape\":[1],"
                        + "\"data_offsets\":[4,8]}}";
        String overlapping = "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"F32\","
                + "\"shape\":[1],\"data_offsets\":[4,8]}}";
        return Stream.of(
                damaged("", 0, "JSON"),
                damaged("[1]", 0, "JSON"),
                damaged("{\"a\":{\"dtype\":\"F32\"", 0, "JSON"),
                damaged("{} {}", 0, "JSON"),
                damaged("{\"a\":3}", 0, "'a'"),
                damaged(tensor("a", "\"shape\":[1],\"data_offsets\":[0,4]"), 4, "'a': dtype"),
                damaged(tensor("a", "\"dtype\":\"F32\",\"data_offsets\":[0,4]"), 4, "'a': shape"),
                damaged(tensor("a", "\"dtype\":\"F32\",\"shape\":[1]"), 4, "'a': data_offsets"),
                damaged(tensor("a", "\"dtype\":7,\"shape\":[1],\"data_offsets\":[0,4]"), 4, "'a': dtype"),
                damaged(f32("a", "3", "[0,4]"), 4, "'a': shape"),
                damaged(f32("a", "[\"1\"]", "[0,4]"), 4, "'a': shape", "\"1\""),
                damaged(f32("a", "[-1]", "[0,4]"), 4, "'a': shape", "-1"),
                damaged(f32("a", "[1.0]", "[0,4]"), 4, "'a': shape", "1.0"),
                damaged(f32("a", "[1]", "[0,4e0]"), 4, "'a': data_offsets", "4"),
                damaged(f32("a", "[1]", "[0,1000000000000000000]"), 4, "'a': data_offsets", "1000000000000000000"),
                damaged(f32("a", "[3000000000]", "[0,4]"), 4, "'a'", "3000000000"),
                damaged(f32("a", "[2000000000,2000000000,2000000000]", "[0,4]"), 4, "'a': shape [2000000000, "),
                damaged(f32("a", "[1]", "[4,0]"), 4, "'a': data_offsets [4, 0]"),
                damaged(f32("a", "[1]", "[0]"), 4, "'a': data_offsets [0]"),
                damaged(two, 8, "Duplicate field 'a'"),
                damaged("{\"__metadata__\":{\"n\":1}}", 0, "__metadata__.n"),
                damaged("{\"__metadata__\":[]}", 0, "__metadata__"),
                damaged(f32("a", "[2]", "[0,4]"), 4, "'a': F32[2]", "8 bytes", "[0, 4]"),
                damaged(f32("a", "[2]", "[0,8]"), 7, "'a'", "byte 8", "7"),
                damaged(overlapping, 8, "'b'", "byte 4", "'a'", "8"),
                damaged(f32("a", "[1]", "[4,8]"), 8, "bytes 0 to 4", "'a'"),
                damaged(f32("a", "[1]", "[0,4]"), 9, "5 bytes"));
    }

    private static Arguments damaged(String header, int dataBytes, String... facts) {
        return Arguments.of(header, dataBytes, List.of(facts));
    }

    @ParameterizedTest
    @MethodSource("damagedHeaders")
    void refusesADamagedHeader(String header, int dataBytes, List<String> facts) throws IOException {
        // Spaces keep the shortest cases above the least length a header may have.
        Path file = write((header + "  ").getBytes(StandardCharsets.UTF_8), dataBytes);

        assertThatThrownBy(() -> SafetensorsFile.open(file))
                .isInstanceOf(WeightsException.class)
                .hasMessageStartingWith(file + ": ")
                .hasMessageEndingWith("[weights.damaged]")
                .satisfies(e -> assertThat(e.getMessage()).contains(facts));
    }

    @Test
    void refusesAHeaderThatIsNotUtf8() throws IOException {
        Path file = write(new byte[] {'{', (byte) 0xC3, '}'}, 0);

        assertThatThrownBy(() -> SafetensorsFile.open(file))
                .hasMessageContaining("UTF-8")
                .hasMessageEndingWith("[weights.damaged]");
    }

    @Test
    void refusesAFileTooShortForALength() throws IOException {
        Path file = Files.write(dir.resolve("short.safetensors"), new byte[7]);

        assertThatThrownBy(() -> SafetensorsFile.open(file))
                .hasMessageContaining("7 bytes")
                .hasMessageEndingWith("[weights.damaged]");
    }

    @Test
    void refusesAHeaderThatEndsBeyondTheFile() throws IOException {
        Path file = withLength(1000);

        assertThatThrownBy(() -> SafetensorsFile.open(file))
                .hasMessageContainingAll(file.toString(), "1008", "10")
                .hasMessageEndingWith("[weights.damaged]");
    }

    @Test
    void refusesAHugeOrNegativeHeaderLengthWithoutAllocatingIt() throws IOException {
        Path huge = withLength(100_000_001);
        assertThatThrownBy(() -> SafetensorsFile.open(huge))
                .hasMessageContainingAll(huge.toString(), "100000001", "100000000")
                .hasMessageEndingWith("[weights.format]");

        Path negative = withLength(-1);
        assertThatThrownBy(() -> SafetensorsFile.open(negative))
                .isInstanceOf(WeightsException.class)
                .hasMessageContaining("18446744073709551615")
                .hasMessageEndingWith("[weights.format]");
    }

    @Test
    void refusesAMissingFileAndAFolder() {
        Path missing = dir.resolve("absent.safetensors");
        assertThatThrownBy(() -> SafetensorsFile.open(missing))
                .hasMessageContaining(missing.toString())
                .hasMessageEndingWith("[weights.missing]");
        assertThatThrownBy(() -> SafetensorsFile.open(dir))
                .isInstanceOf(WeightsException.class)
                .hasMessageStartingWith(dir + ": ")
                .hasMessageEndingWith("[weights.unreadable]");
    }

    @Test
    void namesTheMissingTensor() throws IOException {
        Path file = write(f32("a", "[1]", "[0,4]").getBytes(StandardCharsets.UTF_8), 4);
        try (SafetensorsFile open = SafetensorsFile.open(file)) {
            assertThatThrownBy(() -> open.floats("b"))
                    .isInstanceOf(WeightsException.class)
                    .hasMessageContainingAll(file.toString(), "'b'")
                    .hasMessageEndingWith("[weights.tensor]");
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
                    .hasMessageContainingAll(file.toString(), "'a'", "F8_E4M3")
                    .hasMessageEndingWith("[weights.dtype]");
            assertThatThrownBy(() -> open.floats("c"))
                    .hasMessageContainingAll(file.toString(), "'c'", "I64")
                    .hasMessageEndingWith("[weights.dtype]");
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
                    .isInstanceOf(WeightsException.class)
                    .hasMessageContaining("'a'")
                    .hasMessageEndingWith("[weights.unreadable]");
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
            } catch (WeightsException expected) {
                assertThat(expected.getMessage()).startsWith(file + ": ").contains(" [weights.");
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
}
