package org.sparklora.worker.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsWriterTest {

    @TempDir
    Path dir;

    @Test
    void readsBackEveryBitItWrote() throws IOException {
        float[] many = new float[100_003];
        for (int i = 0; i < many.length; i++) {
            many[i] = Float.intBitsToFloat(i * 0x9E3779B9);
        }
        SortedMap<String, Tensor> tensors = new TreeMap<>();
        tensors.put("many", new Tensor(List.of(100_003), many));
        tensors.put("matrix", new Tensor(List.of(2, 3), new float[] {1, -0f, Float.MIN_VALUE, 4, 5, Float.NaN}));
        tensors.put("none", new Tensor(List.of(4, 0), new float[0]));
        tensors.put("scalar é \"q\"", new Tensor(List.of(), new float[] {7}));
        Path file = dir.resolve("a.safetensors");

        SafetensorsWriter.write(file, tensors);
        SafetensorsWriter.write(
                new OutputStream() {
                    @Override
                    public void write(int b) {}

                    @Override
                    public void write(byte[] bytes, int from, int count) {
                        assertThat(count).isLessThanOrEqualTo(1 << 16);
                    }
                },
                tensors);

        try (SafetensorsFile open = SafetensorsFile.open(file)) {
            assertThat(open.names()).isEqualTo(tensors.keySet());
            for (String name : tensors.keySet()) {
                assertThat(open.tensor(name)).isEqualTo(tensors.get(name));
                open.read(name, (values, count) -> assertThat(count).isLessThanOrEqualTo(1 << 16));
            }
        }
        assertThat(Files.readAllBytes(file)).isEqualTo(SafetensorsWriter.encode(tensors));
    }

    @Test
    void tensorByTensorGivesTheSameBytes() throws IOException {
        SortedMap<String, Tensor> tensors = new TreeMap<>();
        tensors.put("b", new Tensor(List.of(1, 2), new float[] {1f, 2f}));
        tensors.put("a", new Tensor(List.of(1), new float[] {3f}));
        SortedMap<String, List<Integer>> shapes = new TreeMap<>(Comparator.reverseOrder());
        tensors.forEach((name, tensor) -> shapes.put(name, tensor.shape()));
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        SafetensorsWriter.write(out, shapes, DType.F32, (name, to) -> {
            float[] values = name.equals("a") ? new float[] {3f} : new float[] {1f, 2f};
            ByteBuffer bytes = ByteBuffer.allocate(values.length * 4).order(ByteOrder.LITTLE_ENDIAN);
            bytes.asFloatBuffer().put(values);
            to.write(bytes.array());
        });
        assertThat(out.toByteArray()).isEqualTo(SafetensorsWriter.encode(tensors));

        ByteArrayOutputStream half = new ByteArrayOutputStream();
        SafetensorsWriter.write(
                half,
                new TreeMap<>(Map.of("h", List.of(2))),
                DType.F16,
                (name, to) -> to.write(new byte[] {0, 0x3C, 0, (byte) 0xC0}));
        assertThat(SafetensorsFile.decode("half", half.toByteArray()))
                .containsEntry("h", new Tensor(List.of(2), new float[] {1f, -2f}));
        assertThatThrownBy(() -> SafetensorsWriter.write(
                        half, new TreeMap<>(Map.of("h", List.of(2))), DType.F16, (name, to) -> to.write(new byte[3])))
                .hasMessage("tensor 'h' of shape [2] came with 3 bytes of F16");
    }

    @Test
    void bytesAreTheseAndNoOthers() {
        SortedMap<String, Tensor> tensors = new TreeMap<>();
        tensors.put("b", new Tensor(List.of(1, 2), new float[] {1f, 2f}));
        tensors.put("a", new Tensor(List.of(1), new float[] {3f}));

        byte[] bytes = SafetensorsWriter.encode(tensors);

        String json =
                "{\"__metadata__\":{\"format\":\"pt\"},\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                        + "\"b\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[4,12]}}";
        ByteBuffer raw = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        int header = (int) raw.getLong(0);
        assertThat(header % 8).isZero();
        String text = new String(bytes, 8, header, StandardCharsets.UTF_8);
        assertThat(text.stripTrailing()).isEqualTo(json);
        assertThat(text.length() - json.length()).isBetween(0, 7);
        assertThat(raw.slice(8 + header, 12).order(ByteOrder.LITTLE_ENDIAN).getFloat(0))
                .isEqualTo(3f);
        assertThat(bytes).hasSize(8 + header + 12);
    }

    @Test
    void orderOfTheMapDoesNotMatter() {
        SortedMap<String, Tensor> forward = new TreeMap<>();
        SortedMap<String, Tensor> backward = new TreeMap<>(Comparator.<String>reverseOrder());
        for (String name : List.of("x.10", "x.2", "y")) {
            forward.put(name, new Tensor(List.of(1), new float[] {name.length()}));
        }
        backward.putAll(forward);

        assertThat(SafetensorsWriter.encode(backward)).isEqualTo(SafetensorsWriter.encode(forward));
    }

    @Test
    void noTensorsMakeAFileThatOpens() throws IOException {
        Path file = dir.resolve("empty.safetensors");

        SafetensorsWriter.write(file, new TreeMap<>());

        try (SafetensorsFile open = SafetensorsFile.open(file)) {
            assertThat(open.names()).isEmpty();
            assertThat(open.metadata()).containsExactly(Map.entry("format", "pt"));
        }
    }

    @Test
    void refusesWhatIsNoTensor() {
        SortedMap<String, Tensor> tensors = new TreeMap<>();
        tensors.put("__metadata__", new Tensor(List.of(), new float[1]));
        assertThatThrownBy(() -> SafetensorsWriter.encode(tensors)).hasMessage("no tensor may be named '__metadata__'");
        assertThatThrownBy(() -> new Tensor(List.of(2, 2), new float[3]))
                .hasMessage("a tensor of shape [2, 2] needs 4 values, but was given 3");
        assertThatThrownBy(() -> new Tensor(List.of(-1), new float[1]))
                .hasMessage("a tensor of shape [-1] has a negative dimension");
    }
}
