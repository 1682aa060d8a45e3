package org.sparklora.worker.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsDecodeTest {

    private static final SortedMap<String, Tensor> TENSORS = new TreeMap<>(Map.of(
            "b", new Tensor(List.of(2, 3), new float[] {1, -0.0f, Float.NaN, 4, 5, Float.MIN_VALUE}),
            "a", new Tensor(List.of(1), new float[] {7}),
            "none", new Tensor(List.of(0, 4), new float[0])));

    @Test
    void readsBackWhatTheWriterMade() {
        assertThat(SafetensorsFile.decode("x", SafetensorsWriter.encode(TENSORS)))
                .isEqualTo(TENSORS);
    }

    @Test
    void everyCutIsRefusedAsTheFileReaderDoes(@TempDir Path folder) throws IOException {
        byte[] whole = SafetensorsWriter.encode(TENSORS);
        Path file = folder.resolve("x.safetensors");
        for (int n = 0; n < whole.length; n++) {
            byte[] cut = Arrays.copyOf(whole, n);
            Files.write(file, cut);
            String message = "";
            try (SafetensorsFile open = SafetensorsFile.open(file)) {
                assertThat(open.names()).as("cut at %d", n).isNull();
            } catch (WeightsException e) {
                message = String.valueOf(e.getMessage());
            }
            assertThatThrownBy(() -> SafetensorsFile.decode(file.toString(), cut))
                    .as("cut at %d", n)
                    .isInstanceOf(WeightsException.class)
                    .hasMessage(message);
        }
    }

    @Test
    void refusesATensorOfIntegers() {
        byte[] header = "{\"t\":{\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":[0,1]}}"
                .getBytes(java.nio.charset.StandardCharsets.UTF_8);
        byte[] file = new byte[8 + header.length + 1];
        file[0] = (byte) header.length;
        System.arraycopy(header, 0, file, 8, header.length);
        assertThatThrownBy(() -> SafetensorsFile.decode("x", file))
                .isInstanceOf(WeightsException.class)
                .hasMessageContainingAll("x", "'t'", "I8")
                .hasMessageEndingWith("[weights.dtype]");
    }
}
